package proxy

import "testing"

func TestTheVariantIsASuffixOfTheTag(t *testing.T) {
	for _, c := range []struct{ tag, text, variant string }{
		{"1.22.0", "1.22.0", ""},
		{"1.22.0-distroless", "1.22.0", "distroless"},
		{"1.22.0-debug", "1.22.0", "debug"},
		{"1.18.2-asm.2-distroless", "1.18.2-asm.2", "distroless"},
		{"1.22-alpha.2cab5e7-debug", "1.22-alpha.2cab5e7", "debug"},
		{"latest-distroless", "latest", "distroless"},
		{"1.22.0-distroless-fips", "1.22.0-distroless-fips", ""},
		{"distroless", "distroless", ""},
		{"", "", ""},
	} {
		t.Run(c.tag, func(t *testing.T) {
			got := ParseVersion(c.tag)
			if got.Text != c.text || got.Variant != c.variant || got.String() != c.text {
				t.Errorf("got %q, variant %q", got.Text, got.Variant)
			}
		})
	}
}

// incomparable stands for two versions that differ and cannot be ordered.
const incomparable = 99

var versionOrders = []struct {
	rule, a, b string
	want       int
}{
	{"patches count as numbers", "1.22.9", "1.22.10", -1},
	{"minors count as numbers", "1.9.0", "1.10.0", -1},
	{"majors first", "2.0.0", "1.31.4", 1},
	{"equal", "1.22.0", "1.22.0", 0},
	{"a missing patch is 0", "1.22", "1.22.0", 0},
	{"a leading v does not count", "v1.22.0", "1.22.0", 0},
	{"the variant does not count", "1.22.0-distroless", "1.22.0-debug", 0},
	{"alpha before beta", "1.22.0-alpha.9", "1.22.0-beta.0", -1},
	{"beta before rc", "1.22.0-beta.1", "1.22.0-rc.0", -1},
	{"rc before the release", "1.22.0-rc.2", "1.22.0", -1},
	{"dev before the release", "1.22.0-dev", "1.22.0", -1},
	{"rc.N counts as numbers", "1.22.0-rc.9", "1.22.0-rc.10", -1},
	{"however it is separated", "1.22.0-rc1", "1.22.0-rc.1", 0},
	{"a stage alone is its first", "1.22.0-rc", "1.22.0-rc.1", -1},
	{"a pre-release of a later version is later", "1.23.0-alpha.0", "1.22.9", 1},
	{"stages are ordered even where one has a hash", "1.22.0-alpha.2cab5e7", "1.22.0-beta.1", -1},
	{"a hash precedes the release", "1.22-alpha.2cab5e7", "1.22.0", -1},
	{"two hashes of one stage are not ordered", "1.22-alpha.2cab5e7", "1.22-alpha.d4f1a09", incomparable},
	{"a hash equals itself", "1.22-alpha.2cab5e7", "1.22-alpha.2cab5e7", 0},
	{"dev has no place among the stages", "1.22.0-dev", "1.22.0-rc.1", incomparable},
	{"two devs are not ordered", "1.22-dev.20240102", "1.22-dev.20240103", incomparable},
	{"asm.N counts upwards", "1.18.2-asm.9", "1.18.2-asm.10", -1},
	{"asm.N follows the release", "1.18.2-asm.1", "1.18.2", 1},
	{"asm.N follows a pre-release", "1.18.2-asm.1", "1.18.2-rc.1", 1},
	{"asm.N counts within its version", "1.18.2-asm.99", "1.18.3-asm.1", -1},
	{"asm.N of a variant", "1.18.2-asm.2-distroless", "1.18.2-asm.3", -1},
	{"asm.N with a number too large to read", "1.18.2-asm.99999999999999999999", "1.18.2-asm.1", incomparable},
	{"a vendor's suffix of unknown meaning", "1.22.0-fips", "1.22.0", incomparable},
	{"a vendor's suffix equals itself", "1.22.0-fips", "1.22.0-fips", 0},
	{"a vendor's suffix leaves the numbers ordered", "1.22.0-fips", "1.22.1-solo", -1},
	{"no version and a version", "latest", "1.22.0", incomparable},
	{"two that are no versions", "latest", "main", incomparable},
	{"one that is no version equals itself", "latest", "latest", 0},
	{"an image without a tag has no version", "", "", incomparable},
}

func TestVersionsAreOrdered(t *testing.T) {
	for _, c := range versionOrders {
		t.Run(c.rule, func(t *testing.T) {
			a, b := ParseVersion(c.a), ParseVersion(c.b)
			got, ok := a.Compare(b)
			if !ok {
				got = incomparable
			}
			if got != c.want {
				t.Errorf("%s against %s: %d, want %d", c.a, c.b, got, c.want)
			}
			back, ok := b.Compare(a)
			if !ok {
				back = -incomparable
			}
			if back != -c.want {
				t.Errorf("%s against %s: %d, want %d", c.b, c.a, back, -c.want)
			}
		})
	}
}

func FuzzCompareIsAnOrder(f *testing.F) {
	for i, c := range versionOrders {
		f.Add(c.a, c.b, versionOrders[(i+7)%len(versionOrders)].a)
	}
	f.Add("1.22.0-alpha.1", "1.22.0-asm.1", "1.22.0-m")
	f.Add("1.0.0-rc--1", "1.0.0-rc-1", "1.0.0-rc.+1")
	f.Fuzz(func(t *testing.T, x, y, z string) {
		a, b, c := ParseVersion(x), ParseVersion(y), ParseVersion(z)
		ab, abOK := a.Compare(b)
		ba, baOK := b.Compare(a)
		if abOK != baOK || abOK && ab != -ba {
			t.Errorf("%q against %q is %d, %v; the other way round %d, %v", x, y, ab, abOK, ba, baOK)
		}
		if order, ok := a.Compare(a); a.Text != "" && (!ok || order != 0) {
			t.Errorf("%q against itself is %d, %v", x, order, ok)
		}
		bc, bcOK := b.Compare(c)
		ac, acOK := a.Compare(c)
		if abOK && bcOK && acOK && ab <= 0 && bc <= 0 && (ac > 0 || ab+bc < 0 && ac == 0) {
			t.Errorf("%q, %q, %q: %d, %d, but %d", x, y, z, ab, bc, ac)
		}
	})
}

func FuzzParseVersion(f *testing.F) {
	for _, c := range versionOrders {
		f.Add(c.a)
	}
	f.Fuzz(func(t *testing.T, tag string) {
		v := ParseVersion(tag)
		whole := v.Text
		if v.Variant != "" {
			whole += "-" + v.Variant
		}
		if whole != tag {
			t.Errorf("%q became %q with variant %q", tag, v.Text, v.Variant)
		}
	})
}

func TestTheMinorVersionOfATag(t *testing.T) {
	for tag, want := range map[string]struct {
		major, minor int
		ok           bool
	}{
		"1.22.0": {1, 22, true}, "1.22.0-distroless": {1, 22, true}, "1.18.2-asm.2": {1, 18, true}, "1.23-alpha.abc": {1, 23, true},
		"latest": {}, "20240101": {}, "": {},
	} {
		major, minor, ok := ParseVersion(tag).Minor()
		if major != want.major || minor != want.minor || ok != want.ok {
			t.Errorf("%q: %d, %d, %v", tag, major, minor, ok)
		}
	}
}
