package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/wire"
)

// FactReader says what the guest is; a fact that is not known is empty. evidence.Guest is one.
type FactReader interface {
	Fact(name string) string
}

// Addresser gives a network interface its address. evidence.Guest is one.
type Addresser interface {
	SetAddress(ctx context.Context, mac net.HardwareAddr, address netip.Prefix) (evidence.Addressed, error)
}

// Commander runs commands. *evidence.Runner is one.
type Commander interface {
	Run(ctx context.Context, command evidence.Command) (evidence.Result, error)
}

const (
	mostFacts   = 100
	outputPiece = 128 << 10
	mostOutput  = 16 << 20
)

func invalid(detail, format string, arguments ...any) error {
	return port.Refuse(wire.Reason_REASON_INVALID, detail, format, arguments...)
}

// failed tells the reason of a trouble with the guest.
func failed(err error) error {
	var trouble *evidence.Trouble
	if errors.As(err, &trouble) {
		return &port.Refused{Reason: wire.Reason_REASON_FAILED, Detail: trouble.Reason, Err: err}
	}
	return err
}

func (s *Service) facts(_ context.Context, _ *member, call Call) (*wire.Answer, error) {
	names := call.Request().GetFacts().GetNames()
	if len(names) > mostFacts {
		return nil, invalid("Facts", "%d facts are more than %d", len(names), mostFacts)
	}
	list := &wire.FactList{}
	for _, name := range names {
		fact := &wire.Fact{Name: name, Value: s.options.Facts.Fact(name)}
		if fact.Value == "" {
			fact.Trouble = fmt.Sprintf("the guest does not say its %s", name)
		}
		list.Facts = append(list.Facts, fact)
	}
	return &wire.Answer{Piece: &wire.Answer_Facts{Facts: list}}, nil
}

func (s *Service) address(ctx context.Context, _ *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetAddress()
	mac, err := net.ParseMAC(request.Mac)
	if err != nil {
		return nil, invalid("Mac", "%q is no MAC address", request.Mac)
	}
	address, err := netip.ParsePrefix(request.Address)
	if err != nil {
		return nil, invalid("Address", "%q is no address with a prefix length", request.Address)
	}
	done, err := s.options.Addresses.SetAddress(ctx, mac, address)
	if err != nil {
		return nil, failed(err)
	}
	return &wire.Answer{Piece: &wire.Answer_Addressed{Addressed: &wire.Addressed{Interface: done.Interface, Changed: done.Changed}}}, nil
}

// command sends the output in pieces and then how it ended: an exit code is no failure of the request.
func (s *Service) command(ctx context.Context, _ *member, call Call) (*wire.Answer, error) {
	request := call.Request().GetRun()
	if request.OutputBytes > mostOutput {
		return nil, invalid("Output", "%d bytes of output are more than %d", request.OutputBytes, mostOutput)
	}
	input, err := content(ctx, call, mostOutput)
	if err != nil {
		return nil, err
	}
	if len(input) == 0 {
		input = request.Input
	}
	result, err := s.options.Commands.Run(ctx, evidence.Command{
		Argv: request.Argv, Input: input, Environment: request.Environment, Most: int(request.OutputBytes), KillGroup: request.KillGroup,
	})
	if err != nil {
		return nil, failed(err)
	}
	if err := sendOutput(ctx, call, result.Out); err != nil {
		return nil, err
	}
	for piece := range slices.Chunk(result.Err, outputPiece) {
		if err := call.Send(ctx, output(nil, piece)); err != nil {
			return nil, err
		}
	}
	return &wire.Answer{Piece: &wire.Answer_Ran{Ran: &wire.Ran{
		ExitCode: int32(result.Code), Signal: uint32(result.Signal), Cut: result.Cut, Left: result.Left,
	}}}, nil
}

func sendOutput(ctx context.Context, call Call, out []byte) error {
	for piece := range slices.Chunk(out, outputPiece) {
		if err := call.Send(ctx, output(piece, nil)); err != nil {
			return err
		}
	}
	return nil
}

func output(out, err []byte) *wire.Answer {
	return &wire.Answer{Piece: &wire.Answer_Output{Output: &wire.Output{Out: out, Err: err}}}
}

func (s *Service) health(ctx context.Context, _ *member, call Call) (*wire.Answer, error) {
	health := &wire.Health{ResidentBytes: residentBytes()}
	var err error
	if health.SilentPeers, err = silentPeers(ctx, call.Request().GetHealth()); err != nil {
		return nil, err
	}
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err == nil {
		health.CpuMillis = uint64(time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Milliseconds())
	}
	s.mu.Lock()
	of := s.member
	s.mu.Unlock()
	if of != nil {
		for _, state := range of.states() {
			if state.Reason != "" {
				health.Ailments = append(health.Ailments, &wire.Ailment{Reason: state.Reason, Sentence: state.Sentence, Tree: state.Name})
			}
		}
	}
	return &wire.Answer{Piece: &wire.Answer_Health{Health: health}}, nil
}
