package layer_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/plimsoll-ci/plimsoll/internal/image/layer"
)

// synthetic is a layer of about 200 MB: 4,000 files of 50 kB that pack to about
// a third, as binaries and libraries do.
func synthetic(b *testing.B) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	words := make([][]byte, 512)
	for i := range words {
		words[i] = make([]byte, 4+random.IntN(12))
		for j := range words[i] {
			words[i][j] = byte(random.IntN(256))
		}
	}
	entries := make([]entry, 4000)
	for i := range entries {
		body := make([]byte, 0, 50<<10)
		for len(body) < 50<<10-16 {
			body = append(body, words[random.IntN(len(words))]...)
		}
		entries[i] = entry{name: fmt.Sprintf("usr/lib/d%d/f%d", i%50, i), body: string(body)}
	}
	return archive(b, entries...)
}

// BenchmarkWalk walks 200 MB in one layer, opening no file or one of a hundred.
func BenchmarkWalk(b *testing.B) {
	plain := synthetic(b)
	for _, kind := range []string{"tar", "gzip", "zstd"} {
		img := layout(b, packed{blob: pack(b, kind, plain), plain: plain})
		for _, every := range []int{0, 100} {
			b.Run(fmt.Sprintf("%s/open=1in%d", kind, every), func(b *testing.B) {
				b.SetBytes(int64(len(plain)))
				b.ReportAllocs()
				for b.Loop() {
					count := 0
					v := visit(func(e layer.Entry, open layer.Opener) error {
						if count++; every == 0 || count%every != 0 {
							return nil
						}
						c, err := open()
						if err != nil {
							return err
						}
						return c.Close()
					})
					if err := layer.Walk(b.Context(), img, layer.DefaultLimits(), v); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
