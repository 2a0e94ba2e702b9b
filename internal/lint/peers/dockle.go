package peers

func dockle() Peer {
	return Peer{
		Name: "dockle", Version: "0.4.15, 2026-07-02", URL: "https://github.com/goodwithtech/dockle", Reads: "built images",
		Rules: []Rule{
			near("CIS-DI-0001", "the image starts as root", "0 and 0:0 are root, too"),
			inapplicable("CIS-DI-0002", "trusted base images", "dockle does not check it either"),
			inapplicable("CIS-DI-0003", "packages that are not needed", "dockle does not check it either"),
			inapplicable("CIS-DI-0004", "known vulnerabilities", "dockle does not check it either; VUL-OS and VUL-LANG do"),
			declined("CIS-DI-0005", "Docker's content trust is off", "A setting of the machine, of a mechanism that Docker gives up; `plimsoll verify` checks signatures of cosign."),
			declined("CIS-DI-0006", "no HEALTHCHECK", healthCheck),
			ours("CIS-DI-0007", "package lists are updated in a layer of their own"),
			near("CIS-DI-0008", "setuid and setgid files", "low; those of the base, too"),
			near("CIS-DI-0009", "ADD instead of COPY", "only what ADD fetches without a checksum"),
			near("CIS-DI-0010", "credentials in environment and files", "by what values look like, not by names alone (https://github.com/goodwithtech/dockle/issues/250); the value is never printed"),
			inapplicable("CIS-DI-0011", "verified packages only", "dockle does not check it either; IMG-4.b does"),
			declined("DKL-DI-0001", "sudo", noSudo),
			declined("DKL-DI-0002", "VOLUME on a directory of the system", "Rare, and harmless where volumes are given by the manifests."),
			declined("DKL-DI-0003", "apt-get dist-upgrade", "It can be the only way to fixes that the base has not yet."),
			near("DKL-DI-0004", "apk add keeps its index", "where apk is told to update its index"),
			ours("DKL-DI-0005", "apt lists stay in the layer"),
			near("DKL-DI-0006", "the image is tagged latest", "where a workflow pushes it with no other tag"),
			ours("DKL-LI-0001", "account with an empty password"),
			ours("DKL-LI-0002", "accounts with one number"),
			ours("DKL-LI-0003", "files that do not belong there: .git, .env, .aws"),
		},
	}
}
