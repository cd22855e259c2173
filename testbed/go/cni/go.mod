// Multus and the CNI plugins. Multus does not compile against the Kubernetes modules of the cluster, hence a module of its own.
module virtquorum.io/testbed/cni

go 1.26.0

require (
	github.com/containernetworking/plugins v1.9.1
	gopkg.in/k8snetworkplumbingwg/multus-cni.v4 v4.2.3
)
