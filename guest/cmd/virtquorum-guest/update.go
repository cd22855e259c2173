package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/update"
)

// atStep is told after each step of an update that lasts; for tests.
var atStep func(step string)

// beginUpdates looks at what an update left. Where the program from before was put back this one becomes it.
func beginUpdates(boot string, log *slog.Logger) *update.Updater {
	updates, become, err := update.Begin(update.Options{
		Version: version, BootID: boot, OnTrial: os.Getenv(update.OnTrialVariable) != "", Packages: update.SystemPackages(),
		Log: log, Step: atStep,
	})
	if err != nil {
		log.Warn("what an update left cannot be put in order", "why", err)
	}
	if become != "" {
		log.Error("this program cannot become the one from before", "why", execute(become))
	}
	return updates
}

// finishUpdate tries a newer program, once this one has let go of everything, and becomes the one of the two that stays. It returns
// only if this program is to end, or could become nothing.
func finishUpdate(ctx context.Context, updates *update.Updater, problems io.Writer, log *slog.Logger) error {
	become, err := updates.Try(ctx, update.Command{Arguments: os.Args, Environment: os.Environ(), Problems: problems})
	if become == "" {
		return nil
	}
	if err != nil {
		log.Warn("an update cannot be put in order", "why", err)
	}
	failure := execute(become)
	log.Error("the program cannot be begun", "program", become, "why", failure)
	if become, err = updates.Back(failure); err != nil {
		log.Error("the program from before cannot be put back", "why", err)
	}
	for _, program := range slices.Compact([]string{become, "/proc/self/exe"}) {
		failure = execute(program)
	}
	return fmt.Errorf("going on with a program: %w", failure)
}

// execute becomes another program with the same arguments and the same process ID, so that whoever supervises this one notices
// nothing. It returns only if it cannot.
func execute(program string) error {
	if err := unix.Exec(program, os.Args, os.Environ()); err != nil {
		return fmt.Errorf("running %s: %w", program, err)
	}
	return nil
}
