package main

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// tellWithin is how long a manager that does not read is waited for: it shares one queue among all its services.
const tellWithin = time.Second

// manager is systemd, or nobody.
type manager struct {
	socket string        // empty: nobody wants to know
	within time.Duration // after which silence means that the program hangs; 0: never
}

// serviceManager reads what systemd says in the environment: sd_notify(3), sd_watchdog_enabled(3).
func serviceManager() manager {
	m := manager{socket: os.Getenv("NOTIFY_SOCKET")}
	if strings.HasPrefix(m.socket, "@") {
		m.socket = "\x00" + m.socket[1:]
	}
	micros, err := strconv.ParseInt(os.Getenv("WATCHDOG_USEC"), 10, 64)
	if pid := os.Getenv("WATCHDOG_PID"); err == nil && micros > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.within = time.Duration(micros) * time.Microsecond
	}
	return m
}

// say tells it something. That it cannot be told is no reason to end.
func (m manager) say(state string) {
	if m.socket == "" {
		return
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	_ = conn.SetWriteDeadline(time.Now().Add(tellWithin))
	_, _ = conn.Write([]byte(state))
}

// watch tells it again and again that the program lives, for as long as alive returns. The function that it returns ends that.
func (m manager) watch(ctx context.Context, alive func()) func() {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if m.within == 0 {
			return
		}
		ticker := time.NewTicker(m.within / 3)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				alive()
				m.say("WATCHDOG=1")
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}
