package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"virtquorum.io/guest/internal/barrier"
	"virtquorum.io/guest/internal/beneath"
	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/restore"
	"virtquorum.io/guest/internal/service"
	"virtquorum.io/guest/internal/update"
	"virtquorum.io/guest/internal/wire"
)

const defaultPort = "/dev/virtio-ports/io.virtquorum.agent.0"

func run(ctx context.Context, arguments []string, _, problems io.Writer) int {
	flags := flag.NewFlagSet("run", flag.ContinueOnError)
	flags.SetOutput(problems)
	address := flags.String("port", defaultPort, "the virtio port, or unix:PATH for a socket to listen on")
	state := flags.String("state", runtimeDirectory(), "a directory that lasts until the next boot")
	watching := flags.String("watch", "", "the ways of watching that may be tried, best first: fanotify,inotify,walk (default all)")
	without := flags.String("without", "", "what of the kernel is to be done without, as on older ones: openat2,statx,mount-id (default nothing)")
	if err := flags.Parse(arguments); err != nil {
		return 2
	}
	kernel, err := kernelWithout(*without)
	if err != nil {
		fmt.Fprintln(problems, err)
		return 2
	}
	log := slog.New(slog.NewTextHandler(problems, nil))
	var kinds []string
	if *watching != "" {
		kinds = strings.Split(*watching, ",")
	}
	confirmed, err := serve(ctx, *address, *state, service.Opener{Watch: kinds, Kernel: kernel}, problems, log)
	switch {
	case err != nil:
		log.Error("the guest program ends", "why", err)
		return 1
	case confirmed:
		return update.ConfirmedCode
	}
	return 0
}

// runtimeDirectory is the one that systemd gives.
func runtimeDirectory() string {
	if given := os.Getenv("RUNTIME_DIRECTORY"); given != "" {
		return given
	}
	return "/run/virtquorum"
}

// kernelWithout is the kernel as if it lacked some of what beneath.Features names.
func kernelWithout(features string) (kernel beneath.Kernel, err error) {
	for name := range strings.SplitSeq(features, ",") {
		switch name {
		case "":
		case "openat2":
			kernel.NoOpenat2 = true
		case "statx":
			kernel.NoStatx = true
		case "mount-id":
			kernel.NoMountID = true
		default:
			return kernel, fmt.Errorf("the kernel has nothing called %q that can be done without: openat2, statx, mount-id", name)
		}
	}
	return kernel, nil
}

// serve returns true if this program is on trial and was confirmed.
func serve(ctx context.Context, address, state string, trees service.Opener, problems io.Writer, log *slog.Logger) (bool, error) {
	// Anybody may call the socket for commits in it; what else is there only root reads.
	if err := errors.Join(os.MkdirAll(state, 0o711), os.Chmod(state, 0o711)); err != nil {
		return false, fmt.Errorf("making the directory for what lasts until the next boot: %w", err)
	}
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return false, fmt.Errorf("reading which boot this is: %w", err)
	}
	boot := strings.TrimSpace(string(id))
	updates := beginUpdates(boot, log)
	terms := termFile(filepath.Join(state, "term"))
	term, err := terms.load()
	if err != nil {
		return false, err
	}
	guest, runner := evidence.Guest{}, &evidence.Runner{}
	trees.Own = runner.Own
	units := &evidence.Units{Mark: filepath.Join(state, "frozen")}
	if err := units.Recover(); err != nil {
		log.Error("units that an earlier life of this program froze do not go on", "why", err)
	}
	var server *port.Server
	members := service.New(service.Options{
		Version: version, BootID: boot, Kernel: guest.Fact(evidence.Kernel), Log: log,
		Facts: guest, Addresses: guest, Commands: runner, Units: units, Users: service.NewUserLooker(guest),
		Trees: trees, Places: guest, Writers: guest, Updates: updates,
		Push: func(push *wire.Push) error { return server.Push(push) },
	})
	server = port.NewServer(port.NewLine(address), port.Options{Handler: members, Log: log, Term: term, KeepTerm: terms.save})
	defer members.Close()
	endCommits := serveCommits(ctx, state, members, log)
	defer endCommits()
	endRestores := serveRestores(ctx, state, members, log)
	defer endRestores()
	manager := serviceManager()
	defer manager.watch(ctx, server.Responsive)() // also while a newer program is tried
	manager.say("READY=1")
	log.Info("serving", "port", address, "version", version)
	due, err := serveUntil(ctx, server, updates.Due())
	endCommits() // a newer program that is tried has the sockets
	endRestores()
	members.Close()
	if due && err == nil && !updates.Confirmed() {
		err = finishUpdate(ctx, updates, problems, log)
	}
	manager.say("STOPPING=1")
	return due && updates.Confirmed(), err
}

// serveUntil serves until the context ends or it is due to end; true: the latter.
func serveUntil(ctx context.Context, server *port.Server, due <-chan struct{}) (bool, error) {
	serving, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-due:
			stop()
		case <-serving.Done():
		}
	}()
	err := server.Serve(serving)
	return ctx.Err() == nil, err
}

// serveCommits answers applications until the context or what it returns ends it. Without a socket the member works all the same, and
// nobody is told that something is committed.
func serveCommits(ctx context.Context, state string, members *service.Service, log *slog.Logger) (end func()) {
	calls := &barrier.Server{Committer: members, Log: log}
	if err := calls.Listen(state); err != nil {
		log.Error("applications cannot wait for commits", "why", err)
		return func() {}
	}
	return serveCalls(ctx, calls.Serve)
}

// serveRestores has a person who is root put back what repairs replaced. Without a socket he copies it by hand.
func serveRestores(ctx context.Context, state string, members *service.Service, log *slog.Logger) (end func()) {
	calls := &restore.Server{Restorer: members, Log: log}
	if err := calls.Listen(state); err != nil {
		log.Error("nobody can have something put back from the archive in its place", "why", err)
		return func() {}
	}
	return serveCalls(ctx, calls.Serve)
}

func serveCalls(ctx context.Context, serve func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		serve(ctx)
	}()
	return func() {
		cancel()
		<-ended
	}
}

// termFile keeps the highest term seen over a new start of the program in the same boot.
type termFile string

func (f termFile) load() (uint64, error) {
	words, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the highest term seen: %w", err)
	}
	term, err := strconv.ParseUint(strings.TrimSpace(string(words)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the highest term seen: %s holds no number; remove it if this machine was copied", f)
	}
	return term, nil
}

func (f termFile) save(term uint64) error {
	if err := os.WriteFile(string(f)+".new", []byte(strconv.FormatUint(term, 10)+"\n"), 0o600); err != nil {
		return fmt.Errorf("keeping the highest term seen: %w", err)
	}
	if err := os.Rename(string(f)+".new", string(f)); err != nil {
		return fmt.Errorf("keeping the highest term seen: %w", err)
	}
	return nil
}
