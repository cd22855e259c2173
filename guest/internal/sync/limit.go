package sync

import (
	"context"
	gosync "sync"
	"time"
)

// burst is how long a limit's bytes may be saved up.
const burst = 50 * time.Millisecond

// limiter is a token bucket that everything sent shares: waiting takes what is needed on credit and sleeps until it is paid
// back, so many waiters are served in the order they came. Safe for many goroutines; nil does not limit.
type limiter struct {
	perSecond float64 // bytes

	mu   gosync.Mutex
	free time.Time // when all that was taken is paid back
}

// newLimiter limits to so many bytes a second; 0 or less does not limit.
func newLimiter(bytesPerSecond int64) *limiter {
	if bytesPerSecond <= 0 {
		return nil
	}
	return &limiter{perSecond: float64(bytesPerSecond)}
}

// wait returns when n bytes may be sent, or with the context's error.
func (l *limiter) wait(ctx context.Context, n int) error {
	if l == nil {
		return ctx.Err()
	}
	l.mu.Lock()
	now := time.Now()
	if earliest := now.Add(-burst); l.free.Before(earliest) {
		l.free = earliest
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.perSecond * float64(time.Second)))
	due := l.free.Sub(now)
	l.mu.Unlock()
	if due <= 0 {
		return ctx.Err()
	}
	return pause(ctx, due)
}
