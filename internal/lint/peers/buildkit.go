package peers

func buildKit() Peer {
	return Peer{
		Name: "buildkit", Version: "dockerfile 1.26.0-labs, 2026-08-21", URL: "https://docs.docker.com/reference/build-checks/", Reads: "Dockerfiles, .dockerignore, the base image's platform",
		Rules: []Rule{
			ours("StageNameCasing", "stage name with capitals"),
			ours("FromAsCasing", "FROM and AS written differently"),
			ours("NoEmptyContinuation", "empty line inside an instruction"),
			ours("ConsistentInstructionCasing", "instructions written differently"),
			ours("DuplicateStageName", "two stages of one name"),
			ours("ReservedStageName", "stage named scratch or context"),
			near("JSONArgsRecommended", "CMD or ENTRYPOINT in shell form", "the final stage"),
			ours("MaintainerDeprecated", "MAINTAINER"),
			ours("UndefinedArgInFrom", "FROM uses an argument that is not declared"),
			ours("WorkdirRelativePath", "relative WORKDIR"),
			ours("UndefinedVar", "a variable that nothing sets"),
			ours("MultipleInstructionsDisallowed", "several CMDs, ENTRYPOINTs or HEALTHCHECKs"),
			ours("LegacyKeyValueFormat", "ENV or LABEL without ="),
			declined("InvalidBaseImagePlatform", "the base is for other processors", "It needs the registry, and BuildKit says so when it builds; X-19 tells of contradictions among the sources."),
			ours("RedundantTargetPlatform", "FROM --platform with what is the default"),
			near("SecretsUsedInArgOrEnv", "ENV or ARG that sounds like a secret", "by value, too"),
			ours("InvalidDefaultArgInFrom", "FROM is no image unless an argument is given"),
			ours("FromPlatformFlagConstDisallowed", "FROM --platform with one platform"),
			ours("CopyIgnoredFile", "COPY of what .dockerignore leaves out"),
			declined("InvalidDefinitionDescription", "comment that does not describe what is below it", taste),
			ours("ExposeProtoCasing", "EXPOSE with TCP or UDP in capitals"),
			ours("ExposeInvalidFormat", "EXPOSE with an address or a port of the host"),
		},
	}
}
