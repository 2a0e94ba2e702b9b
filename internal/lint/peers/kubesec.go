package peers

func kubesec() Peer {
	p := Peer{
		Name: "kubesec", Version: "2.14.2, 2026-06-09", URL: "https://github.com/controlplaneio/kubesec", Reads: "Kubernetes manifests",
		Rules: []Rule{
			ours("HostNetwork", "hostNetwork"),
			ours("HostPID", "hostPID"),
			ours("HostIPC", "hostIPC"),
			ours("ReadOnlyRootFilesystem", "root filesystem is read-only"),
			ours("RunAsNonRoot", "does not run as root"),
			declined("RunAsUser", "user above 10000", highUser),
			declined("RunAsGroup", "group above 10000", highUser),
			ours("Privileged", "privileged"),
			ours("CapSysAdmin", "SYS_ADMIN is added"),
			ours("CapDropAny", "some capability is dropped"),
			ours("CapDropAll", "all capabilities are dropped"),
			ours("DockerSock", "Docker's socket is mounted"),
			ours("ProcMount", "/proc unmasked"),
			ours("RequestsCPU", "CPU request"),
			near("LimitsCPU", "CPU limit", "under the profile `document` only"),
			ours("RequestsMemory", "memory request"),
			ours("LimitsMemory", "memory limit"),
			declined("ServiceAccountName", "an account of its own", "Without rights and without a token one account is as good as another: SEC-4.a and SEC-4.k."),
			declined("HostAliases", "hostAliases", "They harm nobody; names are a matter of taste."),
			ours("SeccompAny", "seccomp profile"),
			ours("SeccompUnconfined", "seccomp is switched off"),
			declined("ApparmorAny", "AppArmor profile", "Nodes with AppArmor apply the runtime's default unasked, and others cannot."),
			ours("ApparmorUnconfined", "AppArmor is switched off"),
			declined("VolumeClaimAccessModeReadWriteOnce", "claims for one node", "Which mode is right is the program's to say."),
			declined("VolumeClaimRequestsStorage", "claims with a size", "Kubernetes refuses others and says why."),
			ours("AllowPrivilegeEscalation", "a process may gain privileges"),
			near("AutomountServiceAccountToken", "no token of the API in the pod", "not where the account has rights"),
			declined("HostUsers", "user namespace", "Not every node and volume can; where one is used, USR-2.a takes it into account."),
			near("SecretsAsEnvironmentVariables", "Secrets as variables", "whole Secrets only: a single key as a variable is what most programs take"),
			declined("BindingsToSystemAnonymous", "a role is bound to everybody", rights),
		},
	}
	// Its ids are words that any tool may use.
	for i := range p.Rules {
		p.Rules[i].As = "kubesec/" + p.Rules[i].ID
	}
	return p
}
