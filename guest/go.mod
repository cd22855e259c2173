// The guest program. It runs as root in other people's virtual machines: every module here is one more thing to trust.
module virtquorum.io/guest

go 1.26.0

require (
	golang.org/x/sys v0.50.0
	google.golang.org/protobuf v1.36.12
)
