package compose

import (
	"slices"
	"strings"
)

// listed are the keys of a service that may be a list of NAME=value or a mapping.
var listed = []string{"environment", "labels", "annotations", "sysctls"}

// canonical brings a service into the one form that is merged and looked at:
// mappings where Compose takes a list or a mapping.
func (r *reader) canonical(service Value) Value {
	if service.Entries == nil {
		return service
	}
	for _, key := range listed {
		if e := service.Key(key); e.Value.Node.IsList() {
			e.Value = r.pairs(e.Value, "=")
			service = service.with(e)
		}
	}
	for _, key := range []string{"depends_on", "networks"} {
		if e := service.Key(key); e.Value.Node.IsList() {
			e.Value = names(e.Value)
			service = service.with(e)
		}
	}
	if e := service.Key("build"); e.Value.Exists() {
		if e.Value.IsScalar() {
			e.Value = Value{Node: e.Value.Node, Entries: []Entry{{Name: "context", Key: e.Key, Value: e.Value}}}
		}
		for _, key := range []string{"args", "labels"} {
			if inner := e.Value.Key(key); inner.Value.Node.IsList() {
				inner.Value = r.pairs(inner.Value, "=")
				e.Value = e.Value.with(inner)
			}
		}
		service = service.with(e)
	}
	return service
}

// merge lays over onto base as Compose does (13-merge.md of its specification):
// mappings by key, lists one behind the other, except where a later list means
// another thing. The tags !reset and !override take what is below away.
func merge(path string, base, over Value) Value {
	switch over.Node.Tag() {
	case "!reset":
		return Value{}
	case "!override":
		return over
	}
	switch {
	case !over.Exists() || over.IsNull() && path != "":
		return base
	case !base.Exists() || base.IsNull():
		return over
	case over.Node.IsList() && len(over.Node.Items()) == 0:
		return base
	case base.Node.IsList() && over.Node.IsList() && !over.mapping() && !base.mapping():
		return appended(path, base, over)
	case base.mapping() && over.mapping():
		out, all, gone := base, newTable(base.Entries), map[string]bool{}
		for _, e := range over.Entries {
			below := all.get(e.Name)
			e.Value = merge(strings.TrimPrefix(path+"."+e.Name, "."), below.Value, e.Value)
			if gone[e.Name] = !e.Value.Exists() && e.Value.Entries == nil && below.Key.Exists(); !gone[e.Name] {
				all.put(e)
			}
		}
		out.Entries = slices.DeleteFunc(all.entries, func(e Entry) bool { return gone[e.Name] })
		return out
	}
	return over
}

// mapping says that a value has keys, of its own or made of a list's items.
func (v Value) mapping() bool { return v.Node.IsMap() || v.Entries != nil }

func remove(entries []Entry, name string) []Entry {
	for i := range entries {
		if entries[i].Name == name {
			return append(entries[:i], entries[i+1:]...)
		}
	}
	return entries
}

// appended joins two lists, or takes the later one where only one can count.
func appended(path string, base, over Value) Value {
	switch path {
	case "command", "entrypoint", "healthcheck.test":
		return over
	}
	identity := func(Value) string { return "" }
	switch path {
	case "ports":
		identity = func(v Value) string { return portIdentity(readPort(v)) }
	case "volumes":
		identity = func(v Value) string { return readMount(v).Target }
	case "secrets", "configs":
		identity = func(v Value) string { return readGrant(v).Name }
	}
	later := map[string]bool{}
	for _, item := range over.Items {
		later[identity(item)] = true
	}
	out := Value{Node: base.Node}
	for _, item := range base.Items {
		if id := identity(item); id == "" || !later[id] {
			out.Items = append(out.Items, item)
		}
	}
	out.Items = append(out.Items, over.Items...)
	return out
}
