// Greeter answers in the language it is asked in. It uses a release of
// golang.org/x/text whose parser of Accept-Language headers can be kept busy for
// very long (CVE-2022-32149, mended in 0.3.8).
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"time"

	"golang.org/x/text/language"
)

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	flag.Parse()
	matcher := language.NewMatcher([]language.Tag{language.English, language.German})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tags, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
		if err != nil {
			http.Error(w, "the Accept-Language header cannot be read", http.StatusBadRequest)
			return
		}
		greeting := "ahoy"
		if _, i, _ := matcher.Match(tags...); i == 1 {
			greeting = "moin"
		}
		fmt.Fprintln(w, greeting)
	})
	server := &http.Server{Addr: *listen, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
