// The program that writes the embedded Kubernetes schemas. It runs when a minor
// of Kubernetes comes or goes (make schemas), fetches some hundred megabytes, and
// takes no part in ours.
module github.com/plimsoll-ci/plimsoll/ci/schemas

go 1.26.8
