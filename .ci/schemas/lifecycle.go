package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
)

// gone is an API that was served once.
type gone struct {
	removed     int    // the minor that no longer had it
	replacement string // "apps/v1 Deployment", empty without one
}

// readGone returns the kinds that the library says were removed in some minor up
// to newest, with what replaced them.
func readGone(m modules, newest int) (map[kind]gone, error) {
	all := map[kind]gone{}
	err := filepath.WalkDir(m.api.Dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Base(name) != "zz_generated.prerelease-lifecycle.go" {
			return err
		}
		group, err := groupName(filepath.Join(filepath.Dir(name), "register.go"))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			return err
		}
		found := map[string]gone{}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil {
				continue
			}
			star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
			if !ok {
				continue
			}
			of := star.X.(*ast.Ident).Name
			g := found[of]
			results := f.Body.List[0].(*ast.ReturnStmt).Results
			switch f.Name.Name {
			case "APILifecycleRemoved":
				g.removed, err = strconv.Atoi(results[1].(*ast.BasicLit).Value)
			case "APILifecycleReplacement":
				var k kind
				for _, e := range results[0].(*ast.CompositeLit).Elts {
					pair := e.(*ast.KeyValueExpr)
					value, _ := strconv.Unquote(pair.Value.(*ast.BasicLit).Value)
					switch pair.Key.(*ast.Ident).Name {
					case "Group":
						k.Group = value
					case "Version":
						k.Version = value
					case "Kind":
						k.Kind = value
					}
				}
				g.replacement = k.apiVersion() + " " + k.Kind
			}
			if err != nil {
				return err
			}
			found[of] = g
		}
		for of, g := range found {
			if g.removed > 0 && g.removed <= newest && !strings.HasSuffix(of, "List") {
				all[kind{group, filepath.Base(filepath.Dir(name)), of}] = g
			}
		}
		return nil
	})
	return all, err
}

// neverApplied are kinds that only programs send.
var neverApplied = []string{"AdmissionReview", "APIGroupDiscovery", "DeploymentRollback", "Eviction", "Scale", "LocalSubjectAccessReview", "SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview", "TokenReview"}

// removedByHand are APIs that today's library no longer knows, from Kubernetes'
// Deprecated API Migration Guide and changelogs.
var removedByHand = map[kind]gone{
	{"admissionregistration.k8s.io", "v1alpha1", "InitializerConfiguration"}:   {14, ""},
	{"apiextensions.k8s.io", "v1beta1", "CustomResourceDefinition"}:            {22, "apiextensions.k8s.io/v1 CustomResourceDefinition"},
	{"apiregistration.k8s.io", "v1beta1", "APIService"}:                        {22, "apiregistration.k8s.io/v1 APIService"},
	{"auditregistration.k8s.io", "v1alpha1", "AuditSink"}:                      {19, ""},
	{"batch", "v2alpha1", "CronJob"}:                                           {21, "batch/v1 CronJob"},
	{"batch", "v2alpha1", "ScheduledJob"}:                                      {8, "batch/v1 CronJob"},
	{"extensions", "v1beta1", "HorizontalPodAutoscaler"}:                       {8, "autoscaling/v2 HorizontalPodAutoscaler"},
	{"extensions", "v1beta1", "Job"}:                                           {6, "batch/v1 Job"},
	{"extensions", "v1beta1", "PodSecurityPolicy"}:                             {16, ""},
	{"extensions", "v1beta1", "ThirdPartyResource"}:                            {8, "apiextensions.k8s.io/v1 CustomResourceDefinition"},
	{"flowcontrol.apiserver.k8s.io", "v1alpha1", "FlowSchema"}:                 {21, "flowcontrol.apiserver.k8s.io/v1 FlowSchema"},
	{"flowcontrol.apiserver.k8s.io", "v1alpha1", "PriorityLevelConfiguration"}: {21, "flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration"},
	{"networking.k8s.io", "v1alpha1", "ClusterCIDR"}:                           {29, ""},
	{"node.k8s.io", "v1alpha1", "RuntimeClass"}:                                {20, "node.k8s.io/v1 RuntimeClass"},
	{"node.k8s.io", "v1beta1", "RuntimeClass"}:                                 {25, "node.k8s.io/v1 RuntimeClass"},
	{"policy", "v1beta1", "PodSecurityPolicy"}:                                 {25, ""},
	{"rbac.authorization.k8s.io", "v1alpha1", "ClusterRole"}:                   {22, "rbac.authorization.k8s.io/v1 ClusterRole"},
	{"rbac.authorization.k8s.io", "v1alpha1", "ClusterRoleBinding"}:            {22, "rbac.authorization.k8s.io/v1 ClusterRoleBinding"},
	{"rbac.authorization.k8s.io", "v1alpha1", "Role"}:                          {22, "rbac.authorization.k8s.io/v1 Role"},
	{"rbac.authorization.k8s.io", "v1alpha1", "RoleBinding"}:                   {22, "rbac.authorization.k8s.io/v1 RoleBinding"},
	{"resource.k8s.io", "v1alpha1", "ResourceClaim"}:                           {27, "resource.k8s.io/v1 ResourceClaim"},
	{"resource.k8s.io", "v1alpha2", "ResourceClaim"}:                           {31, "resource.k8s.io/v1 ResourceClaim"},
	{"resource.k8s.io", "v1alpha2", "ResourceClaimTemplate"}:                   {31, "resource.k8s.io/v1 ResourceClaimTemplate"},
	{"resource.k8s.io", "v1alpha2", "ResourceClass"}:                           {31, "resource.k8s.io/v1 DeviceClass"},
	{"scheduling.k8s.io", "v1alpha1", "PriorityClass"}:                         {22, "scheduling.k8s.io/v1 PriorityClass"},
	{"settings.k8s.io", "v1alpha1", "PodPreset"}:                               {20, ""},
}

// groupName reads the constant GroupName of a package.
func groupName(register string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), register, nil, 0)
	if err != nil {
		return "", err
	}
	name := ""
	ast.Inspect(file, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == 1 && v.Names[0].Name == "GroupName" && len(v.Values) == 1 {
			if literal, ok := v.Values[0].(*ast.BasicLit); ok {
				name, err = strconv.Unquote(literal.Value)
			}
		}
		return err == nil
	})
	return name, err
}
