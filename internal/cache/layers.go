package cache

// Layers says where the layers of a Dockerfile are kept, as docker buildx takes
// cache-from and cache-to; each is "" where access allows none. Repository is that
// of a registry's cache. That a cache cannot be written ends no build
// (ignore-error).
func Layers(kind, repository, dockerfile string, access Access) (from, to string) {
	var where string
	switch kind {
	case Actions:
		where = "type=gha,scope=plimsoll-" + short(dockerfile)
	case Registry:
		where = "type=registry,ref=" + repository + ":layers-v1-" + short(dockerfile)
	default:
		return "", ""
	}
	if access.Read {
		from = where
	}
	if !access.Write || !access.Layers {
		return from, ""
	}
	mode := "min"
	if access.AllLayers {
		mode = "max"
	}
	return from, where + ",mode=" + mode + ",ignore-error=true"
}
