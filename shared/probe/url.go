package probe

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// ParseURL reads a URL that can be probed: an absolute one of http or https, with a host. A fragment is dropped, as it is
// never sent. The error is one line that says what is wrong, and shows nothing of what may be a password.
func ParseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		// The parser's own words quote what it took for the port, which may be a piece of a password.
		return nil, refused(text, "is not a well-formed URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, refused(text, "does not begin with http:// or https://")
	case u.Hostname() == "":
		return nil, refused(text, "has no host")
	case !isPort(u.Port()):
		return nil, refused(text, "has a port that is not between 1 and 65535")
	}
	u.Fragment, u.RawFragment = "", ""
	return u, nil
}

func isPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil && n > 0
}

// refused hides whatever stands before an @: in a URL that cannot be read, nobody knows where a password begins.
func refused(text, why string) error {
	if i := strings.LastIndex(text, "@"); i >= 0 {
		text = "..." + text[i:]
	}
	return fmt.Errorf("%q %s", text, why)
}
