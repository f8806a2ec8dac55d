// Package socket names Unix sockets, whose paths the kernel limits to little more than a hundred bytes.
package socket

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strconv"
)

const longest = 100

// Path returns where the socket of that name of the lab in dir is: in dir, or where that is too long, in the temporary
// directory under a name made from dir.
func Path(dir, name string) string {
	if path := filepath.Join(dir, name+".sock"); len(path) <= longest {
		return path
	}
	sum := sha256.Sum256([]byte(dir))
	return filepath.Join(os.TempDir(), "lab-"+strconv.Itoa(os.Getuid())+"-"+hex.EncodeToString(sum[:6])+"-"+name+".sock")
}
