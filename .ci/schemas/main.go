// Command schemas writes what Plimsoll knows of Kubernetes' built-in kinds: their
// fields, in which minors each is there, what values they take, and what replaced
// those that are gone. It reads the modules that Kubernetes publishes; nothing is
// taken that their checksums below do not vouch for.
//
// To move to another patch or minor, name it in modules with an empty sum, run it
// once, and copy the sum that it prints after comparing it with sum.golang.org.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// releases are one patch of each minor, the oldest first. At most 16: presence is
// a mask of 16 bits.
var releases = []release{
	{31, "v1.31.14", "v0.31.14"},
	{32, "v1.32.13", "v0.32.13"},
	{33, "v1.33.13", "v0.33.13"},
	{34, "v1.34.4", "v0.34.4"},
	{35, "v1.35.4", "v0.35.4"},
	{36, "v1.36.3", "v0.36.3"},
	{37, "v1.37.2", "v0.37.2"},
}

type release struct {
	minor      int
	kubernetes string // of k8s.io/kubernetes
	published  string // of k8s.io/api and its like
}

func main() {
	out := flag.String("out", filepath.Join("..", "..", "internal", "source", "kubernetes", "schema"), "the `directory` that is written to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "schemas:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	catalogue := newCatalogue()
	var sources []string
	for i, r := range releases {
		from, err := fetch(r)
		if err != nil {
			return err
		}
		for _, m := range from.modules() {
			sources = append(sources, fmt.Sprintf("%s %s %s", m.Path, m.Version, m.Sum))
		}
		if err := catalogue.add(i, from); err != nil {
			return fmt.Errorf("reading Kubernetes 1.%d: %w", r.minor, err)
		}
	}
	text, err := catalogue.text()
	if err != nil {
		return err
	}
	packed, err := pack(text)
	if err != nil {
		return err
	}
	sum := fmt.Sprintf("# Written by .ci/schemas (make schemas): what schemas.txt.gz holds and what it was made from.\nsha256 %x %d bytes unpacked, %d packed\n%s\n",
		sha256.Sum256(text), len(text), len(packed), strings.Join(sources, "\n"))
	return errors.Join(
		os.WriteFile(filepath.Join(out, "schemas.txt.gz"), packed, 0o644),
		os.WriteFile(filepath.Join(out, "schemas.sum"), []byte(sum), 0o644),
	)
}

func pack(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
