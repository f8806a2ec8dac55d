package ports

import "testing"

func TestTwoLabsNeverShareAPort(t *testing.T) {
	var a, b Pool
	defer a.Release()
	defer b.Release()
	seen := map[int]bool{}
	for _, pool := range []*Pool{&a, &b} {
		taken, err := pool.TakeAll(50)
		if err != nil {
			t.Fatal(err)
		}
		for _, port := range taken {
			if seen[port] {
				t.Errorf("port %d was handed out twice", port)
			}
			seen[port] = true
		}
	}
}

func TestAReleasedPortCanBeTakenAgain(t *testing.T) {
	var a Pool
	if _, err := a.TakeAll(3); err != nil {
		t.Fatal(err)
	}
	a.Release()
	if len(a.locks) != 0 {
		t.Errorf("%d ports are still held", len(a.locks))
	}
}
