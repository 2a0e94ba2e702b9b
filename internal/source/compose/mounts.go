package compose

import (
	"net/netip"
	"path"
	"strings"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/source/yaml"
)

// Port is one published or exposed port.
type Port struct {
	// HostIP is the address that is bound, "" for all. Published and Target are
	// numbers or ranges as written; Published is "" when the engine picks one.
	HostIP, Published, Target, Protocol string
	// Known is false when a variable without a value takes part.
	Known bool
	At    finding.Location
	// Node is the entry: a scalar in the short form.
	Node yaml.Node
}

// Loopback says that only this machine reaches the port.
func (p Port) Loopback() bool {
	ip, err := netip.ParseAddr(strings.Trim(p.HostIP, "[]"))
	return err == nil && ip.IsLoopback() || p.HostIP == "localhost"
}

// Ports are those that the service publishes.
func (s *Service) Ports() []Port {
	var all []Port
	for _, item := range s.Get("ports").Items {
		all = append(all, readPort(item))
	}
	return all
}

func portIdentity(p Port) string {
	if !p.Known {
		return ""
	}
	return strings.Join([]string{p.HostIP, p.Published, p.Target, p.Protocol}, "|")
}

// readPort reads "[[ip:]published:]target[/protocol]", or the long form.
func readPort(v Value) Port {
	p := Port{At: v.At(), Node: v.Node, Protocol: "tcp"}
	if !v.IsScalar() {
		p.Known = true
		for key, to := range map[string]*string{"host_ip": &p.HostIP, "published": &p.Published, "target": &p.Target, "protocol": &p.Protocol} {
			if part := v.Get(key); part.IsScalar() {
				*to = part.Text
				p.Known = p.Known && part.Known
			}
		}
		if part := v.Get("published"); part.IsScalar() {
			p.At = part.At()
		}
		return p
	}
	p.Known = v.Known
	text, protocol, ok := strings.Cut(v.Text, "/")
	if ok {
		p.Protocol = protocol
	}
	i := strings.LastIndexByte(text, ':')
	p.Target = text[i+1:]
	if i < 0 {
		return p
	}
	text = text[:i]
	i = strings.LastIndexByte(text, ':')
	p.Published = text[i+1:]
	if i > 0 {
		p.HostIP = strings.Trim(text[:i], "[]")
	}
	return p
}

// Mount is one entry of volumes.
type Mount struct {
	// Type is bind, volume, tmpfs or another that is written.
	Type, Source, Target string
	ReadOnly             bool
	// Known is false when a variable without a value takes part in the source.
	Known bool
	At    finding.Location
}

// Mounts are those that the service has.
func (s *Service) Mounts() []Mount {
	var all []Mount
	for _, item := range s.Get("volumes").Items {
		all = append(all, readMount(item))
	}
	return all
}

// readMount reads "[source:]target[:options]", or the long form.
func readMount(v Value) Mount {
	m := Mount{At: v.At()}
	if !v.IsScalar() {
		m.Type, m.Source, m.Target = v.Get("type").Text, v.Get("source").Text, v.Get("target").Text
		m.ReadOnly = v.Get("read_only").True()
		m.Known = !v.Get("source").Exists() || v.Get("source").Known
		if part := v.Get("source"); part.IsScalar() {
			m.At = part.At()
		}
		return m
	}
	m.Known = v.Known
	parts := strings.Split(v.Text, ":")
	if len(parts) > 2 && len(parts[0]) == 1 && strings.HasPrefix(parts[1], `\`) { // C:\data
		parts = append([]string{parts[0] + ":" + parts[1]}, parts[2:]...)
	}
	if len(parts) == 1 {
		m.Type, m.Target = "volume", path.Clean(parts[0])
		return m
	}
	m.Source, m.Target = parts[0], path.Clean(parts[1])
	m.Type = "volume"
	if strings.ContainsAny(m.Source, `/\~`) || strings.HasPrefix(m.Source, ".") {
		m.Type = "bind"
	}
	if len(parts) > 2 {
		for option := range strings.SplitSeq(parts[2], ",") {
			m.ReadOnly = m.ReadOnly || option == "ro"
		}
	}
	return m
}
