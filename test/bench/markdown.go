package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// table returns a Markdown table without a newline at the end.
func table(head []string, rows [][]string) string {
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

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

func milliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

func mebibytes(n int64) string { return fmt.Sprintf("%.0f MiB", float64(n)/(1<<20)) }

func number(f float64) string { return fmt.Sprintf("%.2f", f) }

// grouped writes 10000 as 10,000.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
