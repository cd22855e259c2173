package service

import (
	"context"

	"virtquorum.io/guest/internal/wire"
)

// operation says how a request is carried out.
type operation struct {
	configured bool // it needs to know the cluster and its trees
	changes    bool // it is refused where the guest is only observed
	alone      bool // one such at a time: the next begins after the safe point of the one before
	run        func(ctx context.Context, of *member, call Call) (*wire.Answer, error)
}

// table has a line for each operation of the protocol; those that nobody here can do have no run.
func (s *Service) table() map[string]operation {
	table := map[string]operation{
		"configure":       {alone: true, run: s.configure},
		"look":            {configured: true},
		"audit":           {configured: true},
		"rows":            {configured: true},
		"serve":           {configured: true},
		"fetch":           {configured: true, changes: true, alone: true},
		"apply":           {configured: true, changes: true, alone: true},
		"prove":           {configured: true},
		"remember":        {configured: true, changes: true, alone: true},
		"archive_list":    {configured: true, changes: true, alone: true}, // opening it may finish a repair
		"archive_restore": {configured: true, changes: true, alone: true},
		"archive_prune":   {configured: true, changes: true, alone: true},
		"run":             {configured: true},
		"address":         {configured: true, changes: true, alone: true},
		"users":           {configured: true},
		"facts":           {},
		"health":          {},
		"quiesce":         {configured: true, changes: true},
		"mark_users":      {configured: true, changes: true, alone: true},
		"keep_output":     {configured: true, changes: true, alone: true},
		"freeze":          {configured: true, changes: true, alone: true},
		"update":          {configured: true, changes: true, alone: true},
		"confirm_update":  {},
		"standing":        {configured: true},
	}
	can := func(name string, run func(context.Context, *member, Call) (*wire.Answer, error)) {
		line := table[name]
		line.run = run
		table[name] = line
	}
	can("health", s.health)
	if s.options.Facts != nil {
		can("facts", s.facts)
	}
	if s.options.Addresses != nil {
		can("address", s.address)
	}
	if s.options.Commands != nil {
		can("run", s.command)
		can("quiesce", s.quiesce)
	}
	if s.options.Users != nil {
		can("users", s.users)
	}
	if s.options.Updates != nil {
		can("update", s.update)
		can("confirm_update", s.confirmUpdate)
	}
	if s.options.Trees != nil {
		can("look", s.look)
		can("audit", s.audit)
		can("rows", s.rows)
		can("remember", s.remember)
		can("serve", s.serve)
		can("fetch", s.fetch)
		can("prove", s.prove)
		can("apply", s.apply)
		can("archive_list", s.archiveList)
		can("archive_restore", s.archiveRestore)
		can("archive_prune", s.archivePrune)
		can("mark_users", s.markUsers)
		can("keep_output", s.keepOutput)
		can("freeze", s.freeze)
		can("standing", s.stand)
	}
	return table
}
