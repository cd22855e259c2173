package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/fingerprint"
	"virtquorum.io/guest/internal/memory"
	"virtquorum.io/guest/internal/watch"
	"virtquorum.io/guest/internal/wire"
)

// errObserved is why nothing is remembered where that is as it should be.
var errObserved = errors.New("the guest is only observed")

// Opener opens trees of this guest.
type Opener struct {
	Own    func(pid int) bool // processes of this program beside its living children; may be nil
	Watch  []string           // the kinds of watching that may be tried; nil: all
	Kernel beneath.Kernel     // what is to be done without, as on older kernels
	Most   int                // entries of a tree; 0: as many as a fingerprint.Scanner takes
}

// OpenTree opens a tree for looking and begins to watch it.
func (o Opener) OpenTree(ctx context.Context, configure *wire.Configure, spec *wire.Tree) (*Held, error) {
	key, err := fingerprint.NewKey(configure.Key)
	if err != nil {
		return nil, fmt.Errorf("taking the cluster's key: %w", err)
	}
	scanner, err := fingerprint.New(fingerprint.Tree{
		Name: spec.Name, Path: string(spec.Path), Excludes: spec.Exclude,
		Devices: spec.Devices, SetID: spec.SetId, Immutable: spec.Immutable,
	}, key, fingerprint.Options{
		SELinux: configure.Selinux, Bandwidth: int64(configure.GetBandwidth().GetAudit()), Kernel: o.Kernel, Most: o.Most,
	})
	if err != nil {
		return nil, fmt.Errorf("opening it: %w", err)
	}
	watcher, err := watch.Open(ctx, string(spec.Path), watch.Options{
		Kinds: o.Watch, Own: o.Own, Skip: func(path string) bool {
			return path == fingerprint.Own || strings.HasPrefix(path, fingerprint.Own+"/")
		},
		Gather:   time.Duration(configure.GetTiming().GetGatherMillis()) * time.Millisecond,
		Interval: time.Duration(configure.GetTiming().GetQuickMillis()) * time.Millisecond,
	})
	if err != nil {
		scanner.Close()
		return nil, fmt.Errorf("watching it: %w", err)
	}
	held := &Held{Rows: scanner, Watcher: watcher}
	if configure.ReadOnly {
		held.Why = errObserved
		return held, nil
	}
	owner := memory.Owner{Cluster: configure.Cluster, Tree: spec.Name, Member: configure.Member}
	held.Store, held.Why = memory.Open(scanner.Root(), key, owner)
	return held, nil
}
