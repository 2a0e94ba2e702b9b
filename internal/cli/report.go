package cli

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/plimsoll-ci/plimsoll/internal/config"
	"github.com/plimsoll-ci/plimsoll/internal/report"
)

func runReport(_ context.Context, env *environment, cfg *config.Config, operands []string) (int, error) {
	path, err := one(operands, "a report.json")
	if err != nil {
		return ExitUsage, err
	}
	file := env.stdin
	if path != "-" {
		opened, err := os.Open(path)
		if err != nil {
			return ExitUsage, &config.UsageError{Where: path, Err: fmt.Errorf("reading the report: %w", pathCause(err))}
		}
		defer opened.Close()
		file = opened
	}
	result, err := report.ReadJSON(file)
	if err != nil {
		return ExitUsage, &config.UsageError{Where: path, Err: err}
	}
	if err := env.print(cfg, result); err != nil {
		return ExitIndeterminate, err
	}
	return ExitPass, nil
}

// one takes exactly one operand.
func one(operands []string, what string) (string, error) {
	switch len(operands) {
	case 1:
		return operands[0], nil
	case 0:
		return "", &config.UsageError{Where: "command line", Err: errors.New("name " + what)}
	default:
		return "", tooMany(operands[1:])
	}
}

func tooMany(operands []string) error {
	return &config.UsageError{Where: "command line", Err: fmt.Errorf("%q is one operand too many", operands[0])}
}
