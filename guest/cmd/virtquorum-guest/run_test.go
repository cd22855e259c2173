package main

import (
	"bytes"
	"strings"
	"testing"

	"virtquorum.io/guest/internal/beneath"
)

func TestGivenWhatAnOlderKernelLacksThenTheProgramDoesWithoutItAndNamesWhatItDoesNotKnow(t *testing.T) {
	kernel, err := kernelWithout("openat2,statx,mount-id")
	if want := (beneath.Kernel{NoOpenat2: true, NoStatx: true, NoMountID: true}); err != nil || kernel != want {
		t.Fatal(kernel, err)
	}
	if kernel, err := kernelWithout(""); err != nil || kernel != (beneath.Kernel{}) {
		t.Fatal(kernel, err)
	}
	var said bytes.Buffer
	if code := start(t.Context(), []string{"run", "--without", "ebpf"}, &said, &said); code != 2 || !strings.Contains(said.String(), `"ebpf"`) {
		t.Fatal(code, said.String())
	}
}
