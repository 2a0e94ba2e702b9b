package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Kubernetes' OpenAPI files leave the values of enumerations out. They are read
// from where they are declared: types marked "+enum", their constants, and the
// fields of these types.

// closed are types that are not marked and whose values the API server holds to
// (pkg/apis/*/validation of k8s.io/kubernetes).
var closed = []string{
	"apiextensions.v1.ConversionStrategyType",
	"apiextensions.v1.ResourceScope",
	"autoscaling.v2.HPAScalingPolicyType",
	"autoscaling.v2.MetricSourceType",
	"autoscaling.v2.MetricTargetType",
	"autoscaling.v2.ScalingPolicySelect",
	"core.v1.OSName",
	"core.v1.RecursiveReadOnlyMode",
	"core.v1.ResourceResizeRestartPolicy",
	"meta.v1.LabelSelectorOperator",
}

// library is the Go declarations of one minor.
type library struct {
	// enums are the types marked "+enum" ("core.v1.Protocol"), constants the values
	// that are declared of any type.
	enums     map[string]bool
	constants map[string][]string
	partly    map[string]bool
	// fields are the JSON fields of structures with their types, by the structure's name.
	fields map[string]map[string]string
	inline map[string][]string
}

func readLibrary(m modules) (*library, error) {
	l := &library{enums: map[string]bool{}, constants: map[string][]string{}, partly: map[string]bool{}, fields: map[string]map[string]string{}, inline: map[string][]string{}}
	for root, prefix := range map[string]string{
		m.api.Dir:        "",
		m.machinery.Dir:  "pkg/apis",
		m.extensions.Dir: "pkg/apis",
	} {
		base := filepath.Join(root, filepath.FromSlash(prefix))
		err := filepath.WalkDir(base, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(name, "types.go") {
				return err
			}
			dir, err := filepath.Rel(base, filepath.Dir(name))
			if err != nil {
				return err
			}
			return l.read(name, strings.ReplaceAll(filepath.ToSlash(dir), "/", "."))
		})
		if err != nil {
			return nil, err
		}
	}
	if len(l.enums) == 0 {
		return nil, errors.New("finding enumerations: no type is marked +enum")
	}
	return l, nil
}

// read takes in one file of the package pkg ("core.v1").
func (l *library) read(name, pkg string) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		return err
	}
	imports := map[string]string{}
	for _, i := range file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			return err
		}
		_, inner, ok := strings.Cut(p, "k8s.io/api/")
		if !ok {
			_, inner, _ = strings.Cut(p, "/pkg/apis/")
		}
		alias := path.Base(p)
		if i.Name != nil {
			alias = i.Name.Name
		}
		imports[alias] = strings.ReplaceAll(inner, "/", ".")
	}
	typeName := func(e ast.Expr) string { return goType(e, pkg, imports) }
	for _, d := range file.Decls {
		general, ok := d.(*ast.GenDecl)
		if !ok {
			continue
		}
		for _, spec := range general.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if marked(general.Doc) || marked(s.Doc) || slices.Contains(closed, pkg+"."+s.Name.Name) {
					l.enums[pkg+"."+s.Name.Name] = true
				}
				if structure, ok := s.Type.(*ast.StructType); ok {
					l.structure(pkg+"."+s.Name.Name, structure, typeName)
				}
			case *ast.ValueSpec:
				if len(s.Values) != 1 {
					continue
				}
				of, value := s.Type, s.Values[0]
				if call, ok := value.(*ast.CallExpr); ok && of == nil && len(call.Args) == 1 { // PathType("Exact")
					of, value = call.Fun, call.Args[0]
				}
				if of == nil {
					continue
				}
				if literal, ok := value.(*ast.BasicLit); ok && literal.Kind == token.STRING {
					text, err := strconv.Unquote(literal.Value)
					if err != nil {
						return err
					}
					l.constants[typeName(of)] = append(l.constants[typeName(of)], text)
				} else { // made of another constant: not all values are known then
					l.partly[typeName(of)] = true
				}
			}
		}
	}
	return nil
}

func marked(doc *ast.CommentGroup) bool {
	if doc == nil {
		return false
	}
	for _, c := range doc.List {
		if strings.TrimSpace(strings.TrimPrefix(c.Text, "//")) == "+enum" {
			return true
		}
	}
	return false
}

// goType names a type, what pointers, lists and mappings hold for those.
func goType(e ast.Expr, pkg string, imports map[string]string) string {
	switch t := e.(type) {
	case *ast.Ident:
		return pkg + "." + t.Name
	case *ast.SelectorExpr:
		if x, ok := t.X.(*ast.Ident); ok {
			return imports[x.Name] + "." + t.Sel.Name
		}
	case *ast.StarExpr:
		return goType(t.X, pkg, imports)
	case *ast.ArrayType:
		return goType(t.Elt, pkg, imports)
	case *ast.MapType:
		return goType(t.Value, pkg, imports)
	}
	return ""
}

func (l *library) structure(name string, s *ast.StructType, typeName func(ast.Expr) string) {
	fields := map[string]string{}
	for _, f := range s.Fields.List {
		if f.Tag == nil {
			continue
		}
		tag, _ := strconv.Unquote(f.Tag.Value)
		field, options, _ := strings.Cut(reflect.StructTag(tag).Get("json"), ",")
		switch {
		case field == "" && (strings.Contains(options, "inline") || len(f.Names) == 0):
			l.inline[name] = append(l.inline[name], typeName(f.Type))
		case field != "" && field != "-":
			fields[field] = typeName(f.Type)
		}
	}
	l.fields[name] = fields
}

// enum returns the values of a field of a structure, nil when any will do.
func (l *library) enum(structure, field string) []string {
	if t, ok := l.fields[structure][field]; ok {
		if !l.enums[t] || l.partly[t] {
			return nil
		}
		return l.constants[t]
	}
	for _, inner := range l.inline[structure] {
		if values := l.enum(inner, field); values != nil {
			return values
		}
	}
	return nil
}
