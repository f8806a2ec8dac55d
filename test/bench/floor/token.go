package main

import (
	"bytes"
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
)

// What a Kubernetes list in protobuf begins with, and the numbers of the fields on the way to the token
// (k8s.io/apimachinery: pkg/runtime/generated.proto, Unknown; pkg/apis/meta/v1/generated.proto, ListMeta).
const (
	magic        = "k8s\x00"
	unknownRaw   = 2
	listMetadata = 1
	metaContinue = 3
)

var errNoList = errors.New("the answer does not begin as a Kubernetes list in protobuf")

// continueToken returns the token of the next page from the beginning of a list, "" if there is no next page. The error
// says that it is no list in protobuf, or that the list's metadata are not all there.
func continueToken(head []byte) (string, error) {
	envelope, ok := bytes.CutPrefix(head, []byte(magic))
	if !ok {
		return "", errNoList
	}
	list, err := enter(envelope, unknownRaw)
	if err != nil {
		return "", err
	}
	number, kind, n := protowire.ConsumeTag(list)
	if n < 0 || number != listMetadata || kind != protowire.BytesType {
		return "", errNoList
	}
	metadata, n := protowire.ConsumeBytes(list[n:])
	if n < 0 {
		return "", errNoList
	}
	return text(metadata, metaContinue)
}

// enter returns the content of the message's field so far as it is there.
func enter(message []byte, field protowire.Number) ([]byte, error) {
	for {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return nil, errNoList
		}
		message = message[n:]
		if number == field && kind == protowire.BytesType {
			if _, n = protowire.ConsumeVarint(message); n < 0 {
				return nil, errNoList
			}
			return message[n:], nil
		}
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return nil, errNoList
		}
		message = message[n:]
	}
}

// text returns a field of a whole message, "" if it has none.
func text(message []byte, field protowire.Number) (string, error) {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return "", errNoList
		}
		if message = message[n:]; number == field && kind == protowire.BytesType {
			value, n := protowire.ConsumeBytes(message)
			if n < 0 {
				return "", errNoList
			}
			return string(value), nil
		}
		if n = protowire.ConsumeFieldValue(number, kind, message); n < 0 {
			return "", errNoList
		}
		message = message[n:]
	}
	return "", nil
}
