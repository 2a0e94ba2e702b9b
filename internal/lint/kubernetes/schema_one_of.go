package kubernetes

import (
	"fmt"
	"slices"

	"github.com/plimsoll-ci/plimsoll/internal/finding"
	"github.com/plimsoll-ci/plimsoll/internal/lint"
	"github.com/plimsoll-ci/plimsoll/internal/source/kubernetes"
)

var schemaOneOf = lint.Check[*kubernetes.Object]{
	Rule: finding.Rule{
		ID: "COR-55", Name: "schema-one-of", Severity: finding.High, Since: "0.1.0",
		Summary: "Of fields that exclude each other exactly one is set",
	},
	Run: func(p *lint.Pass, o *kubernetes.Object) {
		a := alternatives{p, o}
		if w, ok := o.Workload(); ok {
			a.workload(w)
		}
		if o.Kind == "NetworkPolicy" && o.Group() == "networking.k8s.io" {
			a.policy()
		}
	},
}

// alternatives reports fields that exclude each other.
type alternatives struct {
	pass   *lint.Pass
	object *kubernetes.Object
}

// set lists the keys of fields that are there, whatever they hold.
func set(n kubernetes.Node, fields []string) []kubernetes.Node {
	var keys []kubernetes.Node
	for _, f := range fields {
		if !n.Get(f).IsNull() {
			keys = append(keys, n.Key(f))
		}
	}
	return keys
}

// atMost reports a second of the fields of n.
func (a alternatives) atMost(what, path string, n kubernetes.Node, fields []string) {
	keys := set(n, fields)
	if len(keys) < 2 {
		return
	}
	a.pass.Report(lint.Problem{
		At: keys[1].At(), Related: []finding.Location{keys[0].At()}, Subject: a.object.Subject(), Path: path + "." + keys[1].Text(),
		Message: fmt.Sprintf("%s has both %q and %q, and Kubernetes refuses it; keep one", what, keys[0].Text(), keys[1].Text()),
	})
}

// one reports that none is there, too. A patch may leave it to what it patches.
func (a alternatives) one(what, path string, at, n kubernetes.Node, fields []string) {
	a.atMost(what, path, n, fields)
	if n.IsMap() && len(set(n, fields)) == 0 && !slices.ContainsFunc(n.Entries(), unusual) && whole(a.object) {
		a.pass.Report(lint.Problem{
			At: at.At(), Subject: a.object.Subject(), Path: path,
			Message: fmt.Sprintf("%s has none of %s, and Kubernetes refuses it; add one", what, list(fields)),
		})
	}
}

// unusual are keys that say that something else fills the rest in.
func unusual(e kubernetes.Entry) bool {
	key := e.Key.Text()
	return key == "" || key == "<<" || key[0] == '$'
}

var (
	handlers = []string{"exec", "httpGet", "tcpSocket", "grpc"}
	hooks    = []string{"exec", "httpGet", "tcpSocket", "sleep"}
	// The fields of core/v1 VolumeSource and EnvVarSource that are alternatives.
	volumeSources = []string{
		"awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "fc",
		"flexVolume", "flocker", "gcePersistentDisk", "gitRepo", "glusterfs", "hostPath", "image", "iscsi", "nfs", "persistentVolumeClaim",
		"photonPersistentDisk", "portworxVolume", "projected", "quobyte", "rbd", "scaleIO", "secret", "storageos", "vsphereVolume",
	}
	variableSources = []string{"configMapKeyRef", "fieldRef", "fileKeyRef", "resourceFieldRef", "secretKeyRef"}
)

func (a alternatives) workload(w *kubernetes.Workload) {
	for _, c := range w.Containers() {
		for _, h := range c.Handlers() {
			fields := handlers
			if !h.Probe() {
				fields = hooks
			}
			a.one(fmt.Sprintf("container %q: its %s", c.Name, h.Name), c.Path+"."+h.Name, h.Key, h.Node, fields)
		}
		for _, env := range c.Node.Get("env").Items() {
			a.variable(c, env)
		}
	}
	for _, v := range w.Pod.Get("volumes").Items() {
		name := v.Get("name").Text()
		a.atMost(fmt.Sprintf("volume %q", name), w.Path()+".volumes["+name+"]", v, volumeSources)
	}
}

func (a alternatives) variable(c *kubernetes.Container, env kubernetes.Node) {
	name := env.Get("name").Text()
	what, path := fmt.Sprintf("container %q: variable %q", c.Name, name), c.Path+".env["+name+"]"
	if env.Get("value").Text() != "" { // an empty one beside a source is let through
		a.atMost(what, path, env, []string{"value", "valueFrom"})
	}
	a.one(what, path+".valueFrom", env.Key("valueFrom"), env.Get("valueFrom"), variableSources)
}

func (a alternatives) policy() {
	for _, direction := range []struct{ rules, peers string }{{"ingress", "from"}, {"egress", "to"}} {
		for _, rule := range a.object.Node.Get("spec").Get(direction.rules).Items() {
			for _, peer := range rule.Get(direction.peers).Items() {
				path := "spec." + direction.rules + "." + direction.peers
				a.atMost("the peer", path, peer, []string{"ipBlock", "podSelector"})
				a.atMost("the peer", path, peer, []string{"ipBlock", "namespaceSelector"})
			}
		}
	}
}
