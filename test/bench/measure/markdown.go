package measure

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Table returns a Markdown table without a newline at the end.
func Table(head []string, rows [][]string) string {
	var b strings.Builder
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |") }
	line(head)
	b.WriteString("\n" + strings.Repeat("|---", len(head)) + "|")
	for _, r := range rows {
		b.WriteByte('\n')
		line(r)
	}
	return b.String()
}

// Bar is what is asked of a plugin and what it does.
type Bar struct {
	What, Measured, Bar string
	Met                 bool
}

// Verdict returns a table of bars, with what they were measured on as its first heading.
func Verdict(on string, bars []Bar) string {
	var rows [][]string
	for _, b := range bars {
		met := "missed"
		if b.Met {
			met = "met"
		}
		rows = append(rows, []string{b.What, b.Measured, b.Bar, met})
	}
	return Table([]string{on, "measured", "bar", ""}, rows)
}

// Code puts what can be typed into code.
func Code(name string) string {
	if strings.HasPrefix(name, "kubectl ") {
		return "`" + name + "`"
	}
	return name
}

// Seconds returns it with hundredths of a second.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// Milliseconds returns it in whole milliseconds.
func Milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// Mebibytes returns a number of bytes.
func Mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

// Number returns it with two digits behind the point.
func Number(f float64) string { return fmt.Sprintf("%.2f", f) }

// Percent returns a share of 1.
func Percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// Grouped writes 10000 as 10,000.
func Grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
