package printing

import "bytes"

// SafeJSON escapes in JSON the control characters that encoding/json leaves as they are, U+0080 to U+009F: some terminals
// obey them. To machines it stays the same.
func SafeJSON(text []byte) []byte {
	// In UTF-8 they are 0xc2 and the character's own number.
	const lead, first, last = 0xc2, 0x80, 0x9f
	if bytes.IndexByte(text, lead) < 0 {
		return text
	}
	const digits = "0123456789abcdef"
	var safe []byte
	for i := 0; i < len(text); i++ {
		if c := text[i]; c == lead && i+1 < len(text) && first <= text[i+1] && text[i+1] <= last {
			i++
			safe = append(safe, '\\', 'u', '0', '0', digits[text[i]>>4], digits[text[i]&0xf])
		} else {
			safe = append(safe, c)
		}
	}
	return safe
}
