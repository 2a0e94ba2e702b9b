package controller

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"

	bolterrors "go.etcd.io/bbolt/errors"
)

func TestDamaged(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want bool
	}{
		{fmt.Errorf("opening metadata: %w", bolterrors.ErrInvalid), true},
		{fmt.Errorf("opening metadata: %w", bolterrors.ErrChecksum), true},
		{errors.New("opening metadata: file size too small 17"), true},
		{errors.New("reading metadata: unexpected end of JSON input"), true},
		{fmt.Errorf("opening metadata: %w", &fs.PathError{Op: "open", Path: "x.db", Err: syscall.ENOSPC}), false},
		{fmt.Errorf("opening metadata: %w", &fs.PathError{Op: "open", Path: "x.db", Err: syscall.EMFILE}), false},
		{fmt.Errorf("opening metadata: %w", &fs.PathError{Op: "open", Path: "x.db", Err: syscall.EACCES}), false},
		{errors.Join(bolterrors.ErrInvalid, syscall.EIO), false},
		{fmt.Errorf("opening metadata: %w", bolterrors.ErrTimeout), false},
		{errors.New("opening snapshots: failed to mount"), false},
		{errors.New("something else"), false},
	} {
		if got := damaged(test.err); got != test.want {
			t.Errorf("%v: damaged is %t", test.err, got)
		}
	}
}
