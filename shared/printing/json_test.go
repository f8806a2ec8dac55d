package printing

import (
	"encoding/json"
	"testing"
)

func TestControlCharactersInJSONAreEscapedAndMeanTheSame(t *testing.T) {
	for in, want := range map[string]string{
		"plain": `"plain"`, "caf\u00e9 \u00a0": "\"caf\u00e9 \u00a0\"", "a\u009b31mb": `"a\u009b31mb"`, "\u0080\u009f": `"\u0080\u009f"`,
	} {
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		safe := SafeJSON(text)
		var back string
		if err := json.Unmarshal(safe, &back); err != nil || back != in || string(safe) != want {
			t.Errorf("%q: got %s, which is %q, %v", in, safe, back, err)
		}
	}
}
