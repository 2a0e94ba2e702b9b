package layer

import (
	"context"
	"os"
)

// WalkBlob walks one blob, whatever image it belongs to.
func WalkBlob(ctx context.Context, name string, at Layer, limits Limits, visitors ...Visitor) error {
	w := &walk{ctx: ctx, limits: limits, visitors: visitors, budget: newBudget(limits), layer: at}
	defer w.spool.close()
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	src, err := newSource(ctx, f, at, w.budget)
	if err != nil {
		return err
	}
	defer src.close()
	if err := w.entries(src); err != nil {
		return err
	}
	return src.finish()
}
