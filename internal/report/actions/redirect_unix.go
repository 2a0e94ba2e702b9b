//go:build unix

package actions

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// Redirect replaces descriptors 1 and 2 of this process, which the processes it
// starts inherit, by one pipe into the Log that it returns; the Log writes to what
// descriptor 1 was. Both become one stream, in the order of the writes, as on a
// terminal: the runner reads two side by side, which would tear lines from the groups
// they belong to. The caller closes the Log as the last thing before the process ends:
// what is in the pipe when os.Exit is called without is lost.
//
// Go's own crash report cannot be sanitised, because nothing of us runs any more;
// it goes to the job summary, which obeys no commands and survives a failure
// (GITHUB_STEP_SUMMARY).
func Redirect(getenv func(string) string) (*Log, error) {
	saved, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, fmt.Errorf("saving standard output: %w", err)
	}
	log := NewLog(os.NewFile(uintptr(saved), "the runner"))
	p, err := log.pipe(1, 2)
	if err != nil {
		return nil, fmt.Errorf("redirecting standard output and error: %w", err)
	}
	log.source = p
	go p.pump()
	crashes(getenv("GITHUB_STEP_SUMMARY"))
	return log, nil
}

// crashes sends Go's crash report to a file. Without one it is lost.
func crashes(path string) {
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return
	}
	_ = debug.SetCrashOutput(f, debug.CrashOptions{}) // it keeps a copy
	_ = f.Close()
}

// pipe is the reading side of redirected descriptors.
type pipe struct {
	log       *Log
	fds       []int // the descriptors that were replaced
	file      *os.File
	read      int // file's descriptor, which never blocks
	capacity  int
	sanitiser *Sanitiser
	buffer    []byte
	over      bool          // nothing more comes; log.mu
	done      chan struct{} // closed when over
}

// wantCapacity is what an unprivileged process may ask for (pipe(7)): a crash
// report that fits does not block when nobody reads any more.
const wantCapacity = 1 << 20

func (l *Log) pipe(fds ...int) (*pipe, error) {
	var ends [2]int
	if err := unix.Pipe(ends[:]); err != nil {
		return nil, err
	}
	unix.CloseOnExec(ends[0])
	defer func() { _ = unix.Close(ends[1]) }() // the copies stay
	// Only our end must not block: a program that writes to the other expects to wait.
	err := unix.SetNonblock(ends[0], true)
	for _, fd := range fds {
		err = errors.Join(err, unix.Dup2(ends[1], fd))
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(ends[0]))
	}
	return &pipe{
		log: l, fds: fds, file: os.NewFile(uintptr(ends[0]), "pipe"), read: ends[0], capacity: enlarge(ends[0], wantCapacity),
		sanitiser: l.sanitiser(), buffer: make([]byte, 32<<10), done: make(chan struct{}),
	}, nil
}

// pump hands on what arrives until every writer has gone.
func (p *pipe) pump() {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return // the file is closed
	}
	_ = conn.Read(func(uintptr) bool {
		for {
			p.log.mu.Lock()
			n := p.take()
			over := p.over
			p.log.mu.Unlock()
			if n <= 0 {
				return over
			}
		}
	}) // its only error is that the file was closed
}

// take reads once without waiting and returns how much; log.mu is held.
func (p *pipe) take() int {
	if p.over {
		return 0
	}
	n, err := unix.Read(p.read, p.buffer)
	switch {
	case n > 0:
		_, _ = p.sanitiser.Write(p.buffer[:n]) // the log keeps the error
		return n
	case errors.Is(err, unix.EINTR):
		return p.take()
	case !errors.Is(err, unix.EAGAIN):
		p.end()
	}
	return 0
}

// drain hands on what lay in the pipe when it was called, and not what a busy
// writer adds for ever.
func (p *pipe) drain() {
	for left := p.capacity; left > 0; {
		n := p.take()
		if n <= 0 {
			return
		}
		left -= n
	}
}

func (p *pipe) end() {
	if !p.over {
		p.over = true
		_ = p.sanitiser.Flush()
		close(p.done)
	}
}

// finish takes the descriptors away from this process, so that the pipe ends when
// nobody else holds it, and waits for that no longer than within. They are not put
// back: a goroutine that still writes would reach the runner raw.
func (p *pipe) finish(within time.Duration) {
	null, err := unix.Open(os.DevNull, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	for _, fd := range p.fds {
		if err != nil || unix.Dup2(null, fd) != nil {
			_ = unix.Close(fd)
		}
	}
	if err == nil {
		_ = unix.Close(null)
	}
	select {
	case <-p.done:
	case <-time.After(within):
	}
	p.log.mu.Lock()
	p.drain()
	p.end()
	p.log.mu.Unlock()
	_ = p.file.Close()
}
