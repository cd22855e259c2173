// Command virtquorum-guest runs in each virtual machine of an HACluster: it looks, copies and reports what the sidecar asks for.
package main

import (
	"fmt"
	"os"
)

// version is that of the product; the build sets it.
var version = "development"

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(version)
		return
	}
	fmt.Fprintln(os.Stderr, "usage: virtquorum-guest version")
	os.Exit(2)
}
