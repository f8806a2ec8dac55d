// Package certs makes the throw-away keys of a lab: a certificate authority, the API server's certificate and the key
// pair that signs service-account tokens.
package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Files is where the keys and certificates are.
type Files struct {
	CA, ServerCert, ServerKey, ServiceAccountKey string
}

// Write makes new keys in dir. The error says which file could not be made.
func Write(dir string) (Files, error) {
	files := Files{
		CA:                filepath.Join(dir, "ca.crt"),
		ServerCert:        filepath.Join(dir, "apiserver.crt"),
		ServerKey:         filepath.Join(dir, "apiserver.key"),
		ServiceAccountKey: filepath.Join(dir, "service-account.key"),
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return files, fmt.Errorf("making room for certificates: %w", err)
	}
	caKey, err := newKey()
	if err != nil {
		return files, err
	}
	ca := template("lab-ca")
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	if err := writeCert(files.CA, ca, ca, &caKey.PublicKey, caKey); err != nil {
		return files, err
	}
	serverKey, err := newKey()
	if err != nil {
		return files, err
	}
	server := template("kube-apiserver")
	server.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if err := writeCert(files.ServerCert, server, ca, &serverKey.PublicKey, caKey); err != nil {
		return files, err
	}
	if err := writeKey(files.ServerKey, serverKey); err != nil {
		return files, err
	}
	tokenKey, err := newKey()
	if err != nil {
		return files, err
	}
	return files, writeKey(files.ServiceAccountKey, tokenKey)
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return key, nil
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func writeCert(path string, cert, issuer *x509.Certificate, public *ecdsa.PublicKey, signer *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, cert, issuer, public, signer)
	if err != nil {
		return fmt.Errorf("making %s: %w", path, err)
	}
	return writePEM(path, "CERTIFICATE", der)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("making %s: %w", path, err)
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
