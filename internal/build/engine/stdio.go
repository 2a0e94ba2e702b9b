package engine

import (
	"errors"
	"net"
	"os"
	"time"
)

// Stdio makes a connection of a program's standard input and output, for the
// program in a sibling. Its end is the end of the input. Deadlines hold where the
// system can set them on the two, as on pipes.
func Stdio(in, out *os.File) net.Conn { return &files{in: in, out: out} }

type files struct{ in, out *os.File }

func (f *files) Read(b []byte) (int, error)  { return f.in.Read(b) }
func (f *files) Write(b []byte) (int, error) { return f.out.Write(b) }
func (f *files) Close() error                { return errors.Join(f.in.Close(), f.out.Close()) }

func (f *files) LocalAddr() net.Addr  { return address{} }
func (f *files) RemoteAddr() net.Addr { return address{} }

func (f *files) SetReadDeadline(t time.Time) error  { return f.in.SetReadDeadline(t) }
func (f *files) SetWriteDeadline(t time.Time) error { return f.out.SetWriteDeadline(t) }

func (f *files) SetDeadline(t time.Time) error {
	return errors.Join(f.SetReadDeadline(t), f.SetWriteDeadline(t))
}

type address struct{}

func (address) Network() string { return "stdio" }
func (address) String() string  { return "stdio" }
