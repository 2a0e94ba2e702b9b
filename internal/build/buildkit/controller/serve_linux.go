package controller

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Serve opens a controller and serves it through one stream, which carries gRPC
// and with it the session. It returns when the stream ends, as it does when the
// client goes away, or when ctx ends: either is an orderly end, after which no
// container, mount or process is left. It closes the stream. Errors are those of
// Open, and of closing.
func Serve(ctx context.Context, conn net.Conn, opts Options) error {
	only := &single{conn: conn, ended: make(chan struct{})}
	c, err := open(ctx, opts)
	if err != nil {
		return errors.Join(err, only.Close())
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = c.server.Serve(only) }()
	select {
	case <-only.ended:
	case <-ctx.Done():
	}
	err = errors.Join(c.Close(), only.Close())
	<-done
	return err
}

// single is a listener that gives one connection, and ends with it.
type single struct {
	conn  net.Conn
	given bool
	once  sync.Once
	ended chan struct{}
}

// Accept gives the connection, once; then it waits for the end.
func (s *single) Accept() (net.Conn, error) {
	if !s.given {
		s.given = true
		return &watched{Conn: s.conn, listener: s}, nil
	}
	<-s.ended
	return nil, net.ErrClosed
}

// Close closes the connection too.
func (s *single) Close() error {
	var err error
	s.once.Do(func() { close(s.ended); err = s.conn.Close() })
	return err
}

// Addr implements net.Listener.
func (s *single) Addr() net.Addr { return s.conn.LocalAddr() }

// watched is a connection whose end is the listener's.
type watched struct {
	net.Conn
	listener *single
}

// Close implements net.Conn.
func (w *watched) Close() error { return w.listener.Close() }
