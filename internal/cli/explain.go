package cli

import (
	"context"
	"fmt"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/lint/all"
)

func runExplain(_ context.Context, env *environment, _ *config.Config, operands []string) (int, error) {
	if len(operands) == 0 {
		for _, rule := range append(all.Rules(), env.book.custom.Rules()...) {
			fmt.Fprintf(env.stdout, "%-10s %-8s %-32s %s\n", rule.ID, rule.Severity, rule.Name, rule.Summary)
		}
		return ExitPass, nil
	}
	if len(operands) > 1 {
		return ExitUsage, tooMany(operands[1:])
	}
	page, ok := all.Page(operands[0])
	if !ok {
		page, ok = env.book.custom.Page(operands[0])
	}
	if !ok {
		return ExitUsage, &config.UsageError{Where: "command line", Err: fmt.Errorf("%q is no rule's id or name; plimsoll explain lists them", operands[0])}
	}
	fmt.Fprint(env.stdout, page)
	return ExitPass, nil
}
