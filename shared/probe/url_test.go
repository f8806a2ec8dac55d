package probe

import (
	"strings"
	"testing"
)

func TestOnlyURLsThatCanBeRequestedAreTaken(t *testing.T) {
	for _, c := range []struct{ rule, text, want, err string }{
		{"https", "https://shop.example.com/healthz?full=1", "https://shop.example.com/healthz?full=1", ""},
		{"http with a port", "http://10.0.0.1:8080", "http://10.0.0.1:8080", ""},
		{"an address of IPv6", "http://[::1]:8080/", "http://[::1]:8080/", ""},
		{"the scheme in capitals", "HTTPS://shop", "https://shop", ""},
		{"a fragment is never sent", "http://shop/#top", "http://shop/", ""},
		{"a password is kept, to be sent", "http://me:secret@shop/", "http://me:secret@shop/", ""},
		{"nothing", "", "", `"" does not begin with http:// or https://`},
		{"a host alone", "shop.example.com", "", `"shop.example.com" does not begin with http:// or https://`},
		{"a host and a port", "localhost:8080/x", "", `"localhost:8080/x" does not begin with http:// or https://`},
		{"a path", "/healthz", "", `"/healthz" does not begin with http:// or https://`},
		{"another scheme", "ftp://shop", "", `"ftp://shop" does not begin with http:// or https://`},
		{"no host", "http:///healthz", "", `"http:///healthz" has no host`},
		{"a port alone", "http://:8080", "", `"http://:8080" has no host`},
		{"opaque", "http:shop", "", `"http:shop" has no host`},
		{"a port that is none", "http://shop:99999", "", `"http://shop:99999" has a port that is not between 1 and 65535`},
		{"port 0", "http://shop:0", "", `"http://shop:0" has a port that is not between 1 and 65535`},
		{"lines", "http://shop/\nHost: x", "", `"http://shop/\nHost: x" is not a well-formed URL`},
		{"a password without a scheme", "me:secret@shop", "", `"...@shop" does not begin with http:// or https://`},
		{"a password with a slash", "http://me:sec/ret@shop", "", `"...@shop" is not a well-formed URL`},
		{"a password with another @", "ftp://me:sec@ret@shop", "", `"...@shop" does not begin with http:// or https://`},
	} {
		t.Run(c.rule, func(t *testing.T) {
			got, err := ParseURL(c.text)
			if c.err != "" {
				if got != nil || err == nil || err.Error() != c.err {
					t.Errorf("got %v, %v, want the error %s", got, err, c.err)
				}
				return
			}
			if err != nil || got.String() != c.want {
				t.Errorf("got %v, %v, want %s", got, err, c.want)
			}
		})
	}
}

// FuzzParseURL: whatever is typed, it is taken with a host or refused in one line.
func FuzzParseURL(f *testing.F) {
	f.Add("http://me:secret@shop:80/#a")
	f.Add("me:secret@shop\n")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURL(text)
		if err == nil && u.Hostname() == "" || err != nil && strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("%q: %v, %v", text, u, err)
		}
	})
}
