package build

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
)

// History comments of BuildKit: one entry per instruction, and entries that its
// exporter adds for layers that no entry accounts for.
const (
	commentInstruction = "buildkit.dockerfile.v0"
	scratch            = "scratch"
)

// Source is a Dockerfile and the choices it was built with.
type Source struct {
	Dockerfile []byte
	// Name is how locations name the file.
	Name   string
	Target string // stage name or number; empty is the last stage
	Args   map[string]string
	// Base is the config of the external image the target's chain of stages starts
	// from, empty for scratch; nil when it is not known.
	Base *v1.ConfigFile
}

// Origins places each layer of an image that BuildKit built from a Dockerfile on
// the instruction that made it, and says how many of the lowest layers came with
// the base image; those are placed on the FROM line.
//
// BuildKit writes exactly one history entry per instruction of the chain of
// stages that leads to the target (ONBUILD writes none, and each trigger one),
// so the last entries of the history are the instructions in order. Keywords and
// comments are compared as a check. Where they do not agree, which is so for
// images that somebody squashed or that other builders made, every layer that is
// not known to be the base's is placed on the FROM line of the target and its
// Note says so.
//
// The errors are those of a Dockerfile that does not parse or has no such target.
func Origins(src Source, config *v1.ConfigFile) ([]LayerOrigin, int, error) {
	path, err := readChain(src, config)
	if err != nil {
		return nil, 0, err
	}
	layers := config.RootFS.DiffIDs
	origins := make([]LayerOrigin, len(layers))
	base, ok := path.place(src, config, origins)
	if !ok {
		base = knownBase(src.Base, layers)
		for i := base; i < len(layers); i++ {
			at := path.target
			at.Note = "approximate: the image's history does not follow this Dockerfile"
			origins[i] = LayerOrigin{Location: at}
		}
	}
	for i := range origins {
		origins[i].DiffID = layers[i].String()
		if i < base {
			origins[i].Location, origins[i].Base = path.from, true
		}
	}
	return origins, base, nil
}

// place fills in the layers above the base and says how many the base has; false
// when the history does not tell the instructions.
func (c *chain) place(src Source, config *v1.ConfigFile, origins []LayerOrigin) (int, bool) {
	start := len(config.History) - len(c.steps)
	base := src.Base
	if base == nil && c.fromScratch {
		base = &v1.ConfigFile{}
	}
	if base != nil {
		start = len(base.History)
	}
	if start < 0 || start > len(config.History) {
		return 0, false
	}
	baseLayers := layersIn(config.History[:start])
	if base != nil {
		baseLayers = knownBase(base, config.RootFS.DiffIDs)
		if baseLayers != len(base.RootFS.DiffIDs) {
			return 0, false
		}
	}
	// Entries between the base's and the first instruction are triggers that the
	// base image carries; the exporter's entries for layers without one come last.
	ours := slices.DeleteFunc(slices.Clone(config.History[start:]), func(h v1.History) bool { return h.Comment != commentInstruction })
	triggers := len(ours) - len(c.steps)
	if triggers < 0 || baseLayers+layersIn(ours) != len(origins) {
		return 0, false
	}
	layer := baseLayers
	for i, entry := range ours {
		made := step{at: c.from, note: "an ONBUILD trigger of the base image"}
		if i >= triggers {
			made = c.steps[i-triggers]
			if !strings.HasPrefix(strings.ToUpper(entry.CreatedBy), made.keyword) {
				return 0, false
			}
		}
		if entry.EmptyLayer {
			continue
		}
		at := made.at
		at.Note = made.note
		origins[layer] = LayerOrigin{Location: at, Command: entry.CreatedBy}
		layer++
	}
	for i, entry := 0, 0; i < baseLayers && entry < start; entry++ {
		if h := config.History[entry]; !h.EmptyLayer {
			origins[i].Command = h.CreatedBy
			i++
		}
	}
	return baseLayers, true
}

func layersIn(history []v1.History) int {
	n := 0
	for _, h := range history {
		if !h.EmptyLayer {
			n++
		}
	}
	return n
}

// knownBase counts the layers of base that layers begin with.
func knownBase(base *v1.ConfigFile, layers []v1.Hash) int {
	n := 0
	for base != nil && n < len(base.RootFS.DiffIDs) && n < len(layers) && base.RootFS.DiffIDs[n] == layers[n] {
		n++
	}
	return n
}

// step is one instruction that writes history.
type step struct {
	keyword string // upper case
	at      finding.Location
	note    string
}

// chain is the stages from an external base up to the target, as one list.
type chain struct {
	from, target finding.Location // FROM lines of the lowest stage and of the target
	fromScratch  bool
	steps        []step
}

func readChain(src Source, config *v1.ConfigFile) (*chain, error) {
	tree, stages, metaArgs, err := Stages(src.Dockerfile)
	if err != nil {
		return nil, fmt.Errorf("parsing %s: %w", src.Name, err)
	}
	if len(stages) == 0 {
		return nil, fmt.Errorf("parsing %s: it has no FROM", src.Name)
	}
	target, err := findTarget(stages, src)
	if err != nil {
		return nil, err
	}
	below, err := bases(stages, metaArgs, shell.NewLex(tree.EscapeToken), src, config)
	if err != nil {
		return nil, err
	}
	c := &chain{target: place(src.Name, stages[target].Location)}
	line := []int{target}
	for below[target].stage >= 0 {
		target = below[target].stage
		line = append(line, target)
	}
	c.from = place(src.Name, stages[target].Location)
	c.fromScratch = below[target].image == scratch
	var parent *instructions.Stage
	for _, i := range slices.Backward(line) {
		c.climb(src.Name, parent, &stages[i])
		parent = &stages[i]
	}
	return c, nil
}

// climb adds what building stage on top of parent (nil for an external base) runs.
func (c *chain) climb(name string, parent, stage *instructions.Stage) {
	if parent != nil {
		for _, cmd := range parent.Commands {
			if trigger, ok := cmd.(*instructions.OnbuildCommand); ok {
				keyword, _, _ := strings.Cut(strings.TrimSpace(trigger.Expression), " ")
				c.steps = append(c.steps, step{
					keyword: strings.ToUpper(keyword),
					at:      place(name, trigger.Location()),
					note:    fmt.Sprintf("triggered by FROM on line %d", place(name, stage.Location).Line),
				})
			}
		}
	}
	for _, cmd := range stage.Commands {
		if _, ok := cmd.(*instructions.OnbuildCommand); ok {
			continue
		}
		c.steps = append(c.steps, step{keyword: strings.ToUpper(cmd.Name()), at: place(name, cmd.Location())})
	}
}

// below is what a stage stands on: another stage, or an image when stage is -1.
type below struct {
	stage int
	image string
}

// bases resolves what each stage stands on. A name means the last stage above
// that has it, as in BuildKit.
func bases(stages []instructions.Stage, metaArgs []instructions.ArgCommand, lex *shell.Lex, src Source, config *v1.ConfigFile) ([]below, error) {
	env, err := globalArgs(metaArgs, lex, src, config)
	if err != nil {
		return nil, err
	}
	known := map[string]int{}
	out := make([]below, len(stages))
	for i, stage := range stages {
		name, _, err := lex.ProcessWord(stage.BaseName, env)
		if err != nil {
			return nil, fmt.Errorf("reading FROM on line %d of %s: %w", place(src.Name, stage.Location).Line, src.Name, err)
		}
		out[i] = below{stage: -1, image: name}
		if j, ok := known[name]; ok {
			out[i] = below{stage: j}
		}
		if stage.Name != "" {
			known[strings.ToLower(stage.Name)] = i
		}
	}
	return out, nil
}

// globalArgs are the arguments that FROM lines see: the platform's, and those
// declared before the first FROM (Dockerfile reference, "Automatic platform ARGs").
func globalArgs(metaArgs []instructions.ArgCommand, lex *shell.Lex, src Source, config *v1.ConfigFile) (shell.EnvGetter, error) {
	target := platform(config.OS, config.Architecture, config.Variant)
	env := map[string]string{
		"BUILDPLATFORM": platform(runtime.GOOS, runtime.GOARCH, ""), "BUILDOS": runtime.GOOS, "BUILDARCH": runtime.GOARCH, "BUILDVARIANT": "",
		"TARGETPLATFORM": target, "TARGETOS": config.OS, "TARGETARCH": config.Architecture, "TARGETVARIANT": config.Variant,
	}
	for name, value := range src.Args {
		if _, ok := env[name]; ok {
			env[name] = value
		}
	}
	for _, cmd := range metaArgs {
		for _, arg := range cmd.Args {
			value, given := src.Args[arg.Key]
			if !given && arg.Value == nil {
				continue
			}
			if !given {
				var err error
				if value, _, err = lex.ProcessWord(*arg.Value, values(env)); err != nil {
					return nil, fmt.Errorf("reading ARG %s of %s: %w", arg.Key, src.Name, err)
				}
			}
			env[arg.Key] = value
		}
	}
	return values(env), nil
}

func values(env map[string]string) shell.EnvGetter {
	pairs := make([]string, 0, len(env))
	for name, value := range env {
		pairs = append(pairs, name+"="+value)
	}
	return shell.EnvsFromSlice(pairs)
}

func platform(system, architecture, variant string) string {
	if variant == "" {
		return system + "/" + architecture
	}
	return system + "/" + architecture + "/" + variant
}

func findTarget(stages []instructions.Stage, src Source) (int, error) {
	if src.Target == "" {
		return len(stages) - 1, nil
	}
	for i, stage := range slices.Backward(stages) {
		if strings.EqualFold(stage.Name, src.Target) {
			return i, nil
		}
	}
	if i, err := strconv.Atoi(src.Target); err == nil && i >= 0 && i < len(stages) {
		return i, nil
	}
	return 0, fmt.Errorf("%s has no stage %q; name one of its stages as the target", src.Name, src.Target)
}

// place turns the parser's ranges into one place. The parser knows no columns.
func place(name string, ranges []parser.Range) finding.Location {
	at := finding.Location{Path: name}
	for _, r := range ranges {
		if at.Line == 0 || r.Start.Line < at.Line {
			at.Line = r.Start.Line
		}
		at.EndLine = max(at.EndLine, r.End.Line)
	}
	return at
}
