// Command picture draws the picture of the README: a terminal in which the demo runs, in excerpts. What it shows is quoted from the tour, whose
// blocks a test holds to what the demo prints.
package main

import (
	"fmt"
	"os"
)

// story is what the picture tells: a mesh half way, one namespace moved, how far that is, and the end.
var story = []scene{
	{command: "kubectl mesh-proxyver -A", keep: proxies},
	{command: "kubectl mesh-canary start ", keep: []string{
		"==> ", "namespace shop ", "5 workloads in ", "11 pods ", "Probes:", "  http://", "Done: ", "Next: ",
	}},
	{command: "kubectl mesh-canary status", keep: []string{"Upgrade ", "Phase: ", "NAMESPACE  STATE ", "payments ", "shop "}},
	{command: "kubectl mesh-proxyver -A", last: true, keep: proxies},
}

var proxies = []string{"NAMESPACE ", "attic ", "forgotten ", "shop       deployment/"}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: picture TOUR.md PICTURE.svg")
		os.Exit(1)
	}
	if err := draw(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// draw writes the picture of what the tour shows. It fails if a file cannot be read or written, or if the tour lacks what the picture tells.
func draw(tour, picture string) error {
	text, err := os.ReadFile(tour)
	if err != nil {
		return fmt.Errorf("reading the tour: %w", err)
	}
	lines, err := tell(string(text), story)
	if err != nil {
		return fmt.Errorf("telling the story by %s: %w", tour, err)
	}
	if err := os.WriteFile(picture, []byte(svg(lines)), 0o644); err != nil {
		return fmt.Errorf("writing the picture: %w", err)
	}
	return nil
}
