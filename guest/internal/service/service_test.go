package service

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	"virtquorum.io/guest/internal/evidence"
	"virtquorum.io/guest/internal/port"
	"virtquorum.io/guest/internal/scratchfs"
	"virtquorum.io/guest/internal/watch"
	"virtquorum.io/guest/internal/wire"
)

// fakeCall is a request and what is sent for it.
type fakeCall struct {
	request *wire.Request
	session uint64
	body    []*wire.Body
	told    chan *wire.Answer // what is sent, too; may be nil

	mu   sync.Mutex
	sent []*wire.Answer
}

func (c *fakeCall) Request() *wire.Request  { return c.request }
func (c *fakeCall) Session() uint64         { return c.session }
func (c *fakeCall) Term() uint64            { return 1 }
func (c *fakeCall) Progress(*wire.Progress) {}
func (c *fakeCall) pieces() []*wire.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.sent)
}
func (c *fakeCall) Body(context.Context) (*wire.Body, error) {
	if len(c.body) == 0 {
		return nil, io.EOF
	}
	piece := c.body[0]
	c.body = c.body[1:]
	return piece, nil
}

func (c *fakeCall) Send(_ context.Context, answer *wire.Answer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, answer)
	if c.told != nil {
		c.told <- answer
	}
	return nil
}

// fakeGuest stands for what the guest is asked and told.
type fakeGuest struct {
	addresses []netip.Prefix
	began     chan string // of commands
	goOn      chan struct{}
}

func (g *fakeGuest) Fact(name string) string { return map[string]string{"os": "Debian"}[name] }

func (g *fakeGuest) SetAddress(_ context.Context, _ net.HardwareAddr, address netip.Prefix) (evidence.Addressed, error) {
	if address.Addr() == netip.MustParseAddr("10.0.0.1") {
		return evidence.Addressed{}, &evidence.Trouble{Reason: evidence.Collides, Text: "eth0 has it"}
	}
	g.addresses = append(g.addresses, address)
	return evidence.Addressed{Interface: "eth1", Changed: true}, nil
}

func (g *fakeGuest) Run(ctx context.Context, command evidence.Command) (evidence.Result, error) {
	if g.began != nil {
		g.began <- command.Argv[0]
		select {
		case <-ctx.Done():
			return evidence.Result{}, ctx.Err()
		case <-g.goOn:
		}
	}
	return evidence.Result{Out: make([]byte, 2*outputPiece+1), Err: []byte("oops"), Code: 3, Cut: true}, nil
}

func (g *fakeGuest) Look() (evidence.Users, error) {
	return evidence.Users{Sessions: 1, Connections: 2, Who: []string{"root on tty1"}}, nil
}

func (g *fakeGuest) Disregard(uint64) {}

func newService(t *testing.T, change ...func(*Options)) (*Service, *fakeGuest) {
	t.Helper()
	guest := &fakeGuest{}
	options := Options{
		Version: "1", BootID: "boot", Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Facts: guest, Addresses: guest, Commands: guest, Users: func(*wire.Configure) (UserLooker, error) { return guest, nil },
		Trees: Opener{Watch: []string{watch.Inotify}},
	}
	for _, one := range change {
		one(&options)
	}
	s := New(options)
	t.Cleanup(s.Close)
	return s, guest
}

// request makes the request of one operation from one of its messages.
func request(t *testing.T, operation proto.Message) *wire.Request {
	t.Helper()
	request := &wire.Request{Id: 1}
	message := request.ProtoReflect()
	fields := message.Descriptor().Oneofs().ByName("operation").Fields()
	for i := range fields.Len() {
		if fields.Get(i).Message().FullName() == operation.ProtoReflect().Descriptor().FullName() {
			message.Set(fields.Get(i), message.NewField(fields.Get(i)))
			proto.Merge(message.Get(fields.Get(i)).Message().Interface(), operation)
			return request
		}
	}
	t.Fatalf("%T is no operation", operation)
	return nil
}

func do(t *testing.T, s *Service, operation proto.Message) (*wire.Answer, []*wire.Answer, error) {
	t.Helper()
	call := &fakeCall{request: request(t, operation), session: 1}
	answer, err := s.do(t.Context(), call)
	return answer, call.pieces(), err
}

func configureOf(trees ...string) *wire.Configure {
	configure := &wire.Configure{Key: make([]byte, 32), Cluster: "uid", Member: "web-0"}
	for i, path := range trees {
		configure.Trees = append(configure.Trees, &wire.Tree{Name: string(rune('a' + i)), Path: []byte(path)})
	}
	return configure
}

func mustDo(t *testing.T, s *Service, operation proto.Message) *wire.Answer {
	t.Helper()
	answer, _, err := do(t, s, operation)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func reason(err error) wire.Reason {
	var refused *port.Refused
	if errors.As(err, &refused) {
		return refused.Reason
	}
	return wire.Reason_REASON_UNSPECIFIED
}

func TestGivenTheProtocolThenTheTableHasEachOfItsOperationsAndNoOther(t *testing.T) {
	fields := (&wire.Request{}).ProtoReflect().Descriptor().Oneofs().ByName("operation").Fields()
	s, _ := newService(t)
	for i := range fields.Len() {
		if _, known := s.operations[string(fields.Get(i).Name())]; !known {
			t.Errorf("%s is not in the table", fields.Get(i).Name())
		}
	}
	if len(s.operations) != fields.Len() {
		t.Error("the table has operations that are not in the protocol")
	}
}

func TestGivenAnOperationThatNobodyHereDoesThenItIsRefusedAndNotInTheWelcome(t *testing.T) {
	s, _ := newService(t, func(o *Options) { o.Facts = nil })
	if _, _, err := do(t, s, &wire.Facts{}); reason(err) != wire.Reason_REASON_UNSUPPORTED {
		t.Fatal(err)
	}
	if _, err := s.do(t.Context(), &fakeCall{request: &wire.Request{}}); reason(err) != wire.Reason_REASON_UNSUPPORTED {
		t.Fatal(err)
	}
	if features := s.Welcome().Features; !slices.Contains(features, "statx") {
		t.Fatal(features)
	}
	operations := s.Welcome().Operations
	if slices.Contains(operations, "facts") || !slices.Contains(operations, "users") || !slices.IsSorted(operations) {
		t.Fatal(operations)
	}
}

func TestGivenNothingConfiguredInThisSessionThenOnlyWhatNeedsNothingIsDone(t *testing.T) {
	s, _ := newService(t)
	mustDo(t, s, &wire.Facts{})
	mustDo(t, s, &wire.HealthCheck{})
	if _, _, err := do(t, s, &wire.Users{}); reason(err) != wire.Reason_REASON_NOT_CONFIGURED {
		t.Fatal(err)
	}
	mustDo(t, s, configureOf())
	mustDo(t, s, &wire.Users{})
	later := &fakeCall{request: request(t, &wire.Users{}), session: 2}
	if _, err := s.do(t.Context(), later); reason(err) != wire.Reason_REASON_NOT_CONFIGURED {
		t.Fatal(err)
	}
}

func TestGivenAConfigurationThatCannotBeThenItIsRefused(t *testing.T) {
	for name, change := range map[string]func(*wire.Configure){
		"short key":      func(c *wire.Configure) { c.Key = make([]byte, 15) },
		"no member":      func(c *wire.Configure) { c.Member = "" },
		"too many trees": func(c *wire.Configure) { c.Trees = make([]*wire.Tree, mostTrees+1) },
		"patterns":       func(c *wire.Configure) { c.Trees = []*wire.Tree{{Exclude: make([]string, mostPatterns+1)}} },
	} {
		configure := configureOf()
		change(configure)
		s, _ := newService(t)
		if _, _, err := do(t, s, configure); reason(err) != wire.Reason_REASON_INVALID {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGivenAGuestThatIsOnlyObservedThenNothingChangesIt(t *testing.T) {
	s, guest := newService(t)
	configure := configureOf()
	configure.ReadOnly = true
	mustDo(t, s, configure)
	_, _, err := do(t, s, &wire.Address{Mac: "02:00:00:00:00:01", Address: "172.31.77.11/24"})
	if reason(err) != wire.Reason_REASON_READ_ONLY || len(guest.addresses) != 0 {
		t.Fatal(err, guest.addresses)
	}
}

func TestGivenTheGuestIsAskedThenItsAnswersAndTroublesAreTold(t *testing.T) {
	s, _ := newService(t)
	mustDo(t, s, configureOf())
	facts := mustDo(t, s, &wire.Facts{Names: []string{"os", "kernel"}}).GetFacts().Facts
	if facts[0].Value != "Debian" || facts[0].Trouble != "" || facts[1].Trouble == "" {
		t.Error(facts)
	}
	if users := mustDo(t, s, &wire.Users{}).GetUsers(); users.Sessions != 1 || users.Connections != 2 || users.Words[0] != "root on tty1" {
		t.Error(users)
	}
	if done := mustDo(t, s, &wire.Address{Mac: "02:00:00:00:00:01", Address: "172.31.77.11/24"}).GetAddressed(); done.Interface != "eth1" || !done.Changed {
		t.Error(done)
	}
	_, _, err := do(t, s, &wire.Address{Mac: "02:00:00:00:00:01", Address: "10.0.0.1/24"})
	var refused *port.Refused
	if !errors.As(err, &refused) || refused.Detail != evidence.Collides {
		t.Error(err)
	}
	for _, wrong := range []*wire.Address{{Mac: "x", Address: "10.0.0.2/24"}, {Mac: "02:00:00:00:00:01", Address: "10.0.0.2"}} {
		if _, _, err := do(t, s, wrong); reason(err) != wire.Reason_REASON_INVALID {
			t.Error(err)
		}
	}
	if health := mustDo(t, s, &wire.HealthCheck{}).GetHealth(); health.ResidentBytes < 1<<20 || health.CpuMillis == 0 {
		t.Error(health)
	}
}

func TestGivenACommandThenItsOutputComesInPiecesAndItsExitCodeIsNoFailure(t *testing.T) {
	s, _ := newService(t)
	mustDo(t, s, configureOf())
	answer, pieces, err := do(t, s, &wire.Run{Argv: []string{"dpkg-query", "-W"}})
	if err != nil {
		t.Fatal(err)
	}
	var out, problems int
	for _, piece := range pieces {
		out += len(piece.GetOutput().GetOut())
		problems += len(piece.GetOutput().GetErr())
	}
	if ran := answer.GetRan(); ran.ExitCode != 3 || !ran.Cut || len(pieces) != 4 || out != 2*outputPiece+1 || problems != 4 {
		t.Fatal(ran, len(pieces), out, problems)
	}
	if _, _, err := do(t, s, &wire.Run{Argv: []string{"x"}, OutputBytes: mostOutput + 1}); reason(err) != wire.Reason_REASON_INVALID {
		t.Fatal(err)
	}
}

func TestGivenSomethingThatChangesTheGuestThenTheNextSuchWaitsForItsEnd(t *testing.T) {
	s, guest := newService(t)
	mustDo(t, s, configureOf())
	s.alone <- struct{}{} // as if something were being applied
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	call := &fakeCall{request: request(t, &wire.Address{Mac: "02:00:00:00:00:01", Address: "172.31.77.11/24"}), session: 1}
	if _, err := s.do(ctx, call); !errors.Is(err, context.Canceled) || len(guest.addresses) != 0 {
		t.Fatal(err, guest.addresses)
	}
	ended := make(chan error)
	go func() {
		_, err := s.do(t.Context(), call)
		ended <- err
	}()
	mustDo(t, s, &wire.Users{}) // looking goes on meanwhile
	<-s.alone
	if err := <-ended; err != nil || len(guest.addresses) != 1 {
		t.Fatal(err, guest.addresses)
	}
}

// newTree makes a tree on a file system of its own, because it is remembered at the mount point.
func newTree(t *testing.T) string {
	t.Helper()
	tree := filepath.Join(scratchfs.Mount(t, "tmpfs", 32), "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	return tree
}

func write(t *testing.T, path ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(path...), []byte(filepath.Join(path...)), 0o644); err != nil {
		t.Fatal(err)
	}
}
