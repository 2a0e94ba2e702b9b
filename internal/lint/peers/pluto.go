package peers

import "strings"

// api is a version of an API that is going or gone, and its kinds.
type api struct{ version, kinds string }

// apis are those of Kubernetes in pluto's list. That the schemas here know each of
// them is tested; nothing else decides.
var apis = []api{
	{"admissionregistration.k8s.io/v1alpha1", "ValidatingAdmissionPolicy ValidatingAdmissionPolicyBinding"},
	{"admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration ValidatingWebhookConfiguration"},
	{"apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"},
	{"apiregistration.k8s.io/v1beta1", "APIService"},
	{"apps/v1beta1", "Deployment StatefulSet"},
	{"apps/v1beta2", "DaemonSet Deployment ReplicaSet StatefulSet"},
	{"autoscaling/v2beta1", "HorizontalPodAutoscaler"},
	{"autoscaling/v2beta2", "HorizontalPodAutoscaler"},
	{"batch/v1beta1", "CronJob"},
	{"certificates.k8s.io/v1beta1", "CertificateSigningRequest"},
	{"coordination.k8s.io/v1beta1", "Lease"},
	{"discovery.k8s.io/v1beta1", "EndpointSlice"},
	{"events.k8s.io/v1beta1", "Event"},
	{"extensions/v1beta1", "DaemonSet Deployment Ingress NetworkPolicy PodSecurityPolicy ReplicaSet"},
	{"flowcontrol.apiserver.k8s.io/v1beta1", "FlowSchema PriorityLevelConfiguration"},
	{"flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema PriorityLevelConfiguration"},
	{"flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema PriorityLevelConfiguration"},
	{"networking.k8s.io/v1beta1", "Ingress IngressClass"},
	{"node.k8s.io/v1beta1", "RuntimeClass"},
	{"policy/v1beta1", "PodDisruptionBudget PodSecurityPolicy"},
	{"rbac.authorization.k8s.io/v1alpha1", "ClusterRole ClusterRoleBinding Role RoleBinding"},
	{"rbac.authorization.k8s.io/v1beta1", "ClusterRole ClusterRoleBinding Role RoleBinding"},
	{"resource.k8s.io/v1alpha3", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"},
	{"resource.k8s.io/v1beta1", "DeviceClass ResourceClaim ResourceClaimTemplate ResourceSlice"},
	{"scheduling.k8s.io/v1alpha1", "PriorityClass"},
	{"scheduling.k8s.io/v1beta1", "PriorityClass"},
	{"storage.k8s.io/v1alpha1", "VolumeAttributesClass"},
	{"storage.k8s.io/v1beta1", "CSIDriver CSINode CSIStorageCapacity StorageClass VolumeAttachment VolumeAttributesClass"},
	{"storagemigration.k8s.io/v1alpha1", "StorageVersionMigration"},
}

func pluto() Peer {
	const elsewhere = "The versions of an operator's own kinds are its release notes' matter: which one is installed no manifest says."
	p := Peer{
		Name: "pluto", Version: "5.24.0, 2026-04-27", URL: "https://github.com/FairwindsOps/pluto", Reads: "Kubernetes manifests, charts, releases of Helm in a cluster",
	}
	for _, a := range apis {
		r := ours(a.version, strings.ReplaceAll(a.kinds, " ", ", "))
		r.As = "pluto/k8s"
		p.Rules = append(p.Rules, r)
	}
	p.Rules = append(p.Rules,
		inapplicable("apps/v1beta1 ReplicaSet", "a kind that Kubernetes never had there", "pluto's slip"),
		inapplicable("authentication.k8s.io/v1beta1 TokenReview", "a question to the API", "no manifest holds it"),
		inapplicable("…List of autoscaling, batch, policy and rbac.authorization.k8s.io", "answers of the API", "no manifest holds them"),
		inapplicable("audit.k8s.io/v1alpha1, v1beta1", "Policy and Event of audits", controlPlane),
		inapplicable("flowcontrol.apiserver.k8s.io/v1beta1 FlowControl", "a kind that Kubernetes never had", "pluto's slip"),
		declined("rbac.istio.io, authentication.istio.io/v1alpha1", "old APIs of Istio", elsewhere),
		declined("certmanager.k8s.io/v1alpha1", "APIs of cert-manager before 0.11", elsewhere),
		declined("cert-manager.io/v1alpha2 … v1beta1", "old APIs of cert-manager", elsewhere),
		declined("acme.cert-manager.io/v1alpha2 … v1beta1", "old APIs of cert-manager's orders", elsewhere),
	)
	return p
}
