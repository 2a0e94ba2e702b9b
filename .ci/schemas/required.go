package main

import (
	"slices"
	"strings"
)

// OpenAPI calls a field required when its Go declaration lacks "omitempty". The
// API server goes by its own validation, which takes some of them from a default
// or as zero. Only what it refuses counts here; what was checked is
// pkg/apis/*/validation and defaults.go of k8s.io/kubernetes.

// optional are fields that OpenAPI requires and the server does not.
var optional = []string{
	"apps.v1.ReplicaSetSpec.template",
	"apps.v1.StatefulSetSpec.serviceName",
	"batch.v1.PodFailurePolicyOnPodConditionsPattern.status", // defaults to True
	"core.v1.HTTPHeader.value",
	"core.v1.LimitRangeSpec.limits",
	"core.v1.PreferredSchedulingTerm.preference",
	"core.v1.Sysctl.value",
	"discovery.v1.EndpointSlice.endpoints",
	"meta.v1.OwnerReference.uid", // set by those who own, in what people export
	"networking.v1.NetworkPolicySpec.podSelector",
	"rbac.v1.RoleRef.apiGroup",
	"storage.v1.TokenRequest.audience",
}

// positive are numbers for which the zero of an absent one is refused.
var positive = []string{
	"apiregistration.v1.APIServiceSpec.groupPriorityMinimum",
	"apiregistration.v1.APIServiceSpec.versionPriority",
	"autoscaling.v1.HorizontalPodAutoscalerSpec.maxReplicas",
	"autoscaling.v2.HPAScalingPolicy.periodSeconds",
	"autoscaling.v2.HPAScalingPolicy.value",
	"autoscaling.v2.HorizontalPodAutoscalerSpec.maxReplicas",
	"core.v1.ContainerPort.containerPort",
	"core.v1.GRPCAction.port",
	"core.v1.PreferredSchedulingTerm.weight",
	"core.v1.ServicePort.port",
	"core.v1.TopologySpreadConstraint.maxSkew",
	"core.v1.WeightedPodAffinityTerm.weight",
}

// always are fields that only younger releases call required and that all refuse
// to do without, because of what stands below them.
var always = []string{
	"apps.v1.DaemonSet.spec", "apps.v1.Deployment.spec", "apps.v1.ReplicaSet.spec", "apps.v1.StatefulSet.spec",
	"autoscaling.v1.HorizontalPodAutoscaler.spec", "autoscaling.v2.HorizontalPodAutoscaler.spec",
	"batch.v1.CronJob.spec", "batch.v1.Job.spec", "core.v1.Pod.spec",
}

// unchecked are groups whose validation was not gone through.
var unchecked = []string{"authentication", "authorization", "coordination", "events", "flowcontrol", "lifecycle", "resource", "scheduling", "storagemigration"}

// required says whether the server refuses an object without a field, given
// whether OpenAPI does.
func required(structure, field, fieldType string, openapi bool) bool {
	name := structure + "." + field
	group, _, _ := strings.Cut(structure, ".")
	switch {
	case slices.Contains(always, name):
		return true
	case !openapi, slices.Contains(unchecked, group), slices.Contains(optional, name),
		strings.Contains(structure, "alpha"), strings.Contains(structure, "beta"), strings.HasSuffix(structure, ".Event"):
		return false
	case fieldType == "b": // absent is false
		return false
	case fieldType == "i" || fieldType == "l" || fieldType == "q":
		return slices.Contains(positive, name)
	}
	return true
}
