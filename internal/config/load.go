package config

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// UsageError is a setting that cannot be used as given: exit 2.
type UsageError struct {
	Where string // "flag --file", "input file", ".plimsoll.yaml:3"
	Err   error
}

func (e *UsageError) Error() string { return e.Where + ": " + e.Err.Error() }

func (e *UsageError) Unwrap() error { return e.Err }

// ErrHelp is returned when -h or --help was given.
var ErrHelp = flag.ErrHelp

// assignment is one value given somewhere.
type assignment struct {
	setting Setting
	text    string
	origin  origin
	section string // of policy: in a file; "" at the top level
	firm    bool   // enforce: true, which no input loosens
}

// Load reads the settings of a command: defaults, then .plimsoll.yaml, then
// INPUT_* variables, then flags. It returns what is left of args: the command's
// operands. Errors are *UsageError or ErrHelp.
func Load(command string, args []string, getenv Getenv) (*Config, []string, error) {
	return LoadOn("", command, args, getenv)
}

// LoadOn is Load on an occasion: what stands in its section of policy: in the
// file wins there over the same key at the top level.
func LoadOn(section, command string, args []string, getenv Getenv) (*Config, []string, error) {
	given, err := read(section, command, args, getenv)
	if err != nil {
		return nil, nil, err
	}
	c, err := given.load(getenv)
	return c, given.operands, err
}

// given is everything that was said, by place.
type given struct {
	section, command string
	flags, inputs    []assignment
	files            [][]assignment // the nearest comes last
	named, start     string         // config-file, and where files are looked for
	operands         []string
}

func read(section, command string, args []string, getenv Getenv) (given, error) {
	g, err := spoken(section, command, args, getenv)
	if err != nil {
		return given{}, err
	}
	g.files, err = readFiles(section, command, g.named, g.start)
	return g, err
}

// spoken is what inputs and flags say; no file is opened.
func spoken(section, command string, args []string, getenv Getenv) (given, error) {
	g := given{section: section, command: command}
	var err error
	if g.flags, g.operands, err = parseFlags(command, args); err != nil {
		return given{}, err
	}
	g.inputs = readInputs(command, getenv)
	g.named, g.start = fileNamed(g.flags, g.inputs), startOf(g.flags, g.inputs, g.operands)
	return g, nil
}

func (g given) load(getenv Getenv) (*Config, error) {
	c, err := defaults(getenv)
	if err != nil {
		return nil, err
	}
	c.given = g
	enforced := last(g.files, "warn-only")
	firm := len(enforced) > 0 && enforced[0].firm
	for _, level := range append(slices.Clone(g.files), g.inputs, g.flags) {
		if err := c.apply(level, getenv); err != nil {
			return nil, err
		}
	}
	if firm && c.WarnOnly {
		c.WarnOnly = false
		c.Refused = append(c.Refused, fmt.Sprintf("%s would loosen \"enforce: true\" of %s; change it there", c.set["warn-only"].what, FileName))
	}
	return c, nil
}

// last returns what the last of several places that mention a setting says of it.
func last(levels [][]assignment, name string) []assignment {
	for _, level := range slices.Backward(levels) {
		said := slices.DeleteFunc(slices.Clone(level), func(a assignment) bool { return a.setting.Name != name })
		if len(said) > 0 {
			return said
		}
	}
	return nil
}

func defaults(getenv Getenv) (*Config, error) {
	c := &Config{set: map[string]origin{}}
	for _, s := range append(Settings(), onlyIntroduced()) {
		if s.Default == "" || s.InputOnly {
			continue // the runner applies the default of an input
		}
		if err := s.bind(c, getenv).set(s.Default); err != nil {
			return nil, &UsageError{"default of " + s.Name, err}
		}
	}
	return c, nil
}

// apply sets what one place says. A place replaces what an earlier one said of a
// setting, and inside one place a list adds up.
func (c *Config) apply(level []assignment, getenv Getenv) error {
	seen := map[string]bool{}
	for _, a := range level {
		v := a.setting.bind(c, getenv)
		if !seen[a.setting.Name] {
			v.reset()
			seen[a.setting.Name] = true
			c.set[a.setting.Name] = a.origin
		} else {
			o := c.set[a.setting.Name]
			o.texts = append(o.texts, a.text)
			c.set[a.setting.Name] = o
		}
		if err := v.set(a.text); err != nil {
			return &UsageError{a.origin.what, err}
		}
	}
	return nil
}

func startOf(flags, inputs []assignment, operands []string) string {
	start := "."
	for _, level := range [][]assignment{inputs, flags} {
		for _, a := range level {
			if a.setting.Name == "context" {
				start = a.text
			}
		}
	}
	if len(operands) > 0 {
		start = operands[0]
	}
	return start
}

func fileNamed(flags, inputs []assignment) string {
	name := ""
	for _, level := range [][]assignment{inputs, flags} {
		for _, a := range level {
			if a.setting.Name == "config-file" {
				name = a.text
			}
		}
	}
	return name
}

// readInputs takes the action's inputs: upper case, spaces as underscores,
// hyphens kept, as the runner writes them. An empty one is not given.
func readInputs(command string, getenv Getenv) []assignment {
	var out []assignment
	for _, s := range Settings() {
		if s.FlagOnly && s.Name != "config-file" || s.FileOnly || !s.Takes(command) {
			continue
		}
		if text := getenv("INPUT_" + strings.ToUpper(s.Name)); text != "" {
			out = append(out, assignment{setting: s, text: text, origin: origin{"input " + s.Name, []string{text}}})
		}
	}
	return out
}

// parseFlags takes flags before, between and after the operands, which the
// standard library alone does not.
func parseFlags(command string, args []string) (out []assignment, operands []string, err error) {
	set := flag.NewFlagSet(command, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	var known []Setting
	for _, s := range Settings() {
		if !s.Takes(command) || s.InputOnly || s.FileOnly {
			continue
		}
		known = append(known, s)
		set.Var(&flagValue{setting: s, to: &out}, s.Name, s.Usage)
	}
	var rest []string
	if i := slices.Index(args, "--"); i >= 0 {
		args, rest = args[:i], args[i+1:]
	}
	for len(args) > 0 {
		if err := set.Parse(args); err != nil {
			return nil, nil, flagError(err, known)
		}
		args = set.Args()
		if len(args) > 0 {
			operands, args = append(operands, args[0]), args[1:]
		}
	}
	return out, append(operands, rest...), nil
}

func flagError(err error, known []Setting) error {
	if errors.Is(err, flag.ErrHelp) {
		return ErrHelp
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		name = strings.TrimPrefix(name, "-")
		return &UsageError{"flag --" + name, fmt.Errorf("not a flag of this command%s", suggestion(name, names(known)))}
	}
	if name, ok := strings.CutPrefix(err.Error(), "flag needs an argument: -"); ok {
		return &UsageError{"flag --" + strings.TrimPrefix(name, "-"), errors.New("needs a value")}
	}
	return &UsageError{"command line", err}
}

// flagValue collects what the command line says of one setting.
type flagValue struct {
	setting Setting
	to      *[]assignment
}

func (v *flagValue) String() string { return "" }

func (v *flagValue) Set(text string) error {
	*v.to = append(*v.to, assignment{setting: v.setting, text: text, origin: origin{"flag --" + v.setting.Name, []string{text}}})
	return nil
}

// IsBoolFlag lets --push stand alone for --push=true.
func (v *flagValue) IsBoolFlag() bool {
	return v.setting.Kind == Bool || slices.Contains(v.setting.Allowed, "true")
}

// Given says whether a setting was given at all, or has its default.
func (c *Config) Given(name string) bool {
	_, given := c.set[name]
	return given
}

// Line returns the flags that give the same verdict again on a laptop: without
// secrets and what writes or shows, and of build arguments the names alone, which
// then are taken from the environment. The context is left to the caller.
func (c *Config) Line(command string) []string {
	var out []string
	for _, s := range Settings() {
		o, given := c.set[s.Name]
		if !given || s.Secret || s.Act || s.InputOnly || s.FileOnly || !s.Takes(command) || s.Name == "context" {
			continue
		}
		for _, text := range o.texts {
			for line := range strings.Lines(text) {
				line = strings.TrimSpace(line)
				if s.Name == "build-args" {
					line, _, _ = strings.Cut(line, "=")
				}
				if line != "" {
					out = append(out, "--"+s.Name+"="+line)
				}
			}
		}
	}
	return out
}
