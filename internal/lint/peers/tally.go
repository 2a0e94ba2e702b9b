package peers

import "slices"

func tally() Peer {
	const (
		framework = "It knows one framework; the same point is judged for every language where it is decidable."
		gpu       = "It knows the images of one vendor."
		windows   = "Windows containers"
		power     = "PowerShell"
		faster    = "A faster build is the builder's pleasure; IMG-1.e asks for cache mounts under the profile `document`."
	)
	p := Peer{
		Name: "tally", Version: "0.44.2, 2026-08-08", URL: "https://github.com/wharflab/tally", Reads: "Dockerfiles, also by way of Compose and Bake files",
		Rules: []Rule{
			declined("tally/circular-stage-deps", "stages that need each other", refused),
			declined("tally/consistent-indentation", "indentation", taste),
			declined("tally/copy-after-user-without-chown", "what is copied belongs to root", "That is right for a program: who runs it cannot change it (USR-4.d)."),
			declined("tally/copy-from-empty-scratch-stage", "COPY from an empty stage", refused),
			declined("tally/curl-should-follow-redirects", "curl without --location", taste),
			declined("tally/eol-last", "no newline at the end", taste),
			declined("tally/epilogue-order", "order of the last instructions", taste),
			declined("tally/gpu/cuda-version-mismatch", "wheels for another CUDA than the base's", gpu),
			declined("tally/gpu/no-buildtime-gpu-queries", "GPU asked for while building", gpu),
			declined("tally/gpu/no-container-runtime-in-image", "NVIDIA's runtime in the image", gpu),
			declined("tally/gpu/no-hardcoded-visible-devices", "which GPUs are seen is fixed", gpu),
			declined("tally/gpu/no-redundant-cuda-install", "CUDA twice", gpu),
			declined("tally/gpu/prefer-minimal-driver-capabilities", "all capabilities of the driver", gpu),
			near("tally/gpu/prefer-runtime-final-stage", "an image for building ships", "by the compilers in the built image"),
			declined("tally/gpu/prefer-uv-over-conda", "conda instead of uv", taste),
			ours("tally/invalid-json-form", "list of arguments that is no JSON"),
			declined("tally/invalid-onbuild-trigger", "ONBUILD of no instruction", refused),
			declined("tally/js/node-gyp-cache-mounts", "no cache for node-gyp", faster),
			declined("tally/labels/no-buildx-git-overlap", "labels that Buildx adds, too", "The same word twice harms nobody."),
			declined("tally/labels/no-duplicate-keys", "label twice", "The last one wins; OBS-3.d judges what is left."),
			declined("tally/labels/no-stale-base-digest", "label with a base digest that nothing pins", "IMG-3.b asks for the pin itself."),
			declined("tally/labels/prefer-grouped", "LABELs in a row", taste),
			declined("tally/labels/prefer-stable-order", "order of labels", taste),
			declined("tally/labels/valid-key", "label key that Docker advises against", "Registries and engines take any key."),
			declined("tally/max-lines", "long Dockerfile", taste),
			ours("tally/named-identity-in-passwdless-stage", "user by name where there is no /etc/passwd"),
			declined("tally/newline-between-instructions", "blank lines", taste),
			declined("tally/newline-per-chained-call", "one line for several commands", taste),
			declined("tally/no-multi-spaces", "spaces", taste),
			declined("tally/no-multiple-empty-lines", "blank lines", taste),
			declined("tally/no-trailing-spaces", "spaces", taste),
			declined("tally/no-ungraceful-stopsignal", "STOPSIGNAL that cannot be heeded", "Rare; PRB-4.e judges whether process 1 heeds what it gets."),
			declined("tally/no-unreachable-stages", "stage that nothing uses", "BuildKit does not build it."),
			declined("tally/php/composer-no-dev-in-production", "composer without --no-dev", framework),
			declined("tally/php/enable-opcache-in-production", "PHP without OPcache", framework),
			declined("tally/php/no-xdebug-in-final-image", "Xdebug ships", framework),
			declined("tally/platform-mismatch", "the base is for other processors", "It needs the registry, and BuildKit says so when it builds; X-19 tells of contradictions among the sources."),
			inapplicable("tally/powershell/error-action-preference", "errors are passed over", power),
			inapplicable("tally/powershell/prefer-shell-instruction", "SHELL instead of wrappers", power),
			inapplicable("tally/powershell/progress-preference", "progress bars", power),
			declined("tally/prefer-add-git", "git clone instead of ADD", taste),
			declined("tally/prefer-add-unpack", "download and unpack instead of ADD", taste),
			declined("tally/prefer-canonical-stopsignal", "spelling of STOPSIGNAL", taste),
			declined("tally/prefer-copy-chmod", "chmod after COPY", "What that costs is measured in the image (IMG-1.j)."),
			declined("tally/prefer-copy-heredoc", "echo instead of a heredoc", taste),
			declined("tally/prefer-curl-config", "curl without retries", taste),
			declined("tally/prefer-formatted-heredocs", "format of heredocs", taste),
			near("tally/prefer-multi-stage-build", "what is built is built where it ships", "by the compilers in what ships"),
			declined("tally/prefer-nginx-sigquit", "nginx stops at once", "nginx's own images set SIGQUIT, and PRB-4.k and X-17 judge how a pod ends."),
			near("tally/prefer-package-cache-mounts", "no cache mounts", "npm, under the profile `document`"),
			declined("tally/prefer-run-heredoc", "chained commands instead of a heredoc", taste),
			inapplicable("tally/prefer-systemd-sigrtmin-plus-3", "STOPSIGNAL of systemd", "a whole system in a container"),
			declined("tally/prefer-telemetry-opt-out", "tools that call home", ofTheHouse),
			declined("tally/prefer-vex-attestation", "VEX documents in the image", taste),
			declined("tally/prefer-wget-config", "wget without retries", taste),
			declined("tally/require-secret-mounts", "a command that may need a secret has no mount", "Secrets that are there are told of (SEC-1.a, SEC-1.e), not those that may be needed."),
			declined("tally/require-stages", "no FROM", refused),
			declined("tally/ruby/asset-precompile-without-dummy-key", "assets are made with the real key", framework),
			declined("tally/ruby/bootsnap-precompile-without-j1", "bootsnap with several processes", framework),
			declined("tally/ruby/deprecated-bundler-install-flags", "flags of old Bundler", framework),
			ours("tally/ruby/eol-ruby-version", "Ruby without security fixes"),
			declined("tally/ruby/healthcheck-rails-up-endpoint", "Rails without HEALTHCHECK", healthCheck),
			declined("tally/ruby/jemalloc-installed-but-not-preloaded", "jemalloc is not used", framework),
			declined("tally/ruby/leftover-bundler-cache", "Bundler keeps its cache", framework),
			declined("tally/ruby/missing-bundle-deployment", "Bundler may change the lock file", framework),
			declined("tally/ruby/missing-bundle-without-development", "development gems ship", framework),
			declined("tally/ruby/prefer-bundler-cache-mount", "no cache mount for Bundler", faster),
			declined("tally/ruby/prefer-gemfile-bind-mounts", "Gemfile is copied", faster),
			declined("tally/ruby/prefer-network-none-install", "gems are installed with a network", framework),
			near("tally/ruby/prefer-secret-mounts-for-build-credentials", "credentials of the build in ENV or ARG", "where a value stands there"),
			declined("tally/ruby/redundant-bundler-install", "Bundler twice", framework),
			ours("tally/ruby/secrets-in-arg-or-env", "Rails' secret in ENV or ARG"),
			declined("tally/ruby/state-paths-not-writable-as-non-root", "Rails cannot write where it must", "X-10 tells of paths that the image writes, in any language."),
			declined("tally/ruby/yjit-not-enabled-on-supported-runtime", "Ruby without its JIT", framework),
			near("tally/secrets-in-code", "secrets in instructions", "the value is never printed"),
			declined("tally/shell-run-in-scratch", "RUN where there is no shell", refused),
			declined("tally/sort-packages", "order of packages", taste),
			ours("tally/stateful-root-runtime", "root, and state"),
			declined("tally/syntax-directive-typo", "mistyped # syntax", refused),
			declined("tally/unknown-instruction", "mistyped instruction", "Such a file cannot be read, which is told and is no pass."),
			near("tally/user-created-but-never-used", "a user is made and root runs", "root is told of, whoever was made"),
			declined("tally/user-explicit-group-drops-supplementary-groups", "USER with a group drops the others", "Mostly meant: less is more."),
			inapplicable("tally/windows/no-chown-flag", "--chown", windows),
			inapplicable("tally/windows/no-run-mounts", "RUN --mount", windows),
			inapplicable("tally/windows/no-stopsignal", "STOPSIGNAL", windows),
			ours("tally/world-writable-state-path-workaround", "chmod 777"),
			inapplicable("powershell/PowerShell, powershell/PS…", "what PSScriptAnalyzer says of RUN", power),
			declined("shellcheck/SC…", "what ShellCheck says of RUN", "ShellCheck knows shells better than a gate should: let tally or ShellCheck say it."),
		},
	}
	for _, r := range buildKit().Rules {
		p.Rules = append(p.Rules, r.under("buildkit/"))
	}
	for _, r := range hadolint().Rules {
		if slices.Contains(ofHadolint, r.ID) {
			p.Rules = append(p.Rules, r.under("hadolint/"))
		}
	}
	return p
}

// ofHadolint are hadolint's rules that tally has under their names.
var ofHadolint = []string{
	"DL3000", "DL3001", "DL3002", "DL3003", "DL3004", "DL3006", "DL3007", "DL3010", "DL3011", "DL3012", "DL3014", "DL3020", "DL3021",
	"DL3022", "DL3023", "DL3024", "DL3025", "DL3026", "DL3027", "DL3029", "DL3030", "DL3034", "DL3038", "DL3043", "DL3044", "DL3045",
	"DL3046", "DL3047", "DL3057", "DL3059", "DL3061", "DL3063", "DL4000", "DL4001", "DL4003", "DL4004", "DL4005", "DL4006",
}

// under is a rule that another linter took over.
func (r Rule) under(prefix string) Rule {
	r.As, r.ID = r.means(), prefix+r.ID
	return r
}
