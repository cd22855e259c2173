package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"virtquorum.io/guest/internal/doctor"
)

const examination = time.Minute // a disk that hangs is a finding, not a doctor who hangs

// examine says what the guest lacks; its exit code is 0 if nothing, 1 if something could be better, 2 if something does not work.
func examine(ctx context.Context, arguments []string, out, problems io.Writer) int {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(problems)
	flags.Usage = func() {
		fmt.Fprintln(problems, "usage: virtquorum-guest doctor [-json] [TREE...]; TREE: a path of spec.state.files\nexit code: 0 well, 1 could be better, 2 does not work")
		flags.PrintDefaults()
	}
	asJSON := flags.Bool("json", false, "say it as JSON")
	if err := flags.Parse(arguments); err != nil {
		return int(doctor.Fail)
	}
	ctx, cancel := context.WithTimeout(ctx, examination)
	defer cancel()
	findings := doctor.Examine(ctx, doctor.Options{Trees: flags.Args()})
	write := doctor.WriteText
	if *asJSON {
		write = doctor.WriteJSON
	}
	if err := write(out, findings); err != nil {
		fmt.Fprintln(problems, "the findings cannot be written:", err)
		return int(doctor.Fail)
	}
	return doctor.ExitCode(findings)
}
