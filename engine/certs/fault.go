package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"weir/engine/fault"
)

// The only trace that two failures leave in what crypto/tls returns is their text:
// it has no types for them, and sends the right alert for nothing else. Tests hold
// the texts against real handshakes.
const (
	textNoCertificate = "tls: no certificates configured"
	textNoClientCert  = "tls: client didn't provide a certificate"
)

// ClientFault is the kind of failure that a handshake with a client ended in, None
// if err is nil. A list that could not clear the certificate counts as revoked.
func ClientFault(err error) fault.Kind {
	if err == nil {
		return fault.None
	}
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		// Conn is set only if it is the first record, and not of TLS.
		if header.Conn != nil {
			return fault.NotTLS
		}
		return fault.TLSRecord
	case says(err, textNoCertificate):
		return fault.UnknownServerName
	case says(err, textNoClientCert):
		return fault.ClientCertMissing
	}
	switch refused(err) {
	case certRevoked:
		return fault.ClientCertRevoked
	case certExpired:
		return fault.ClientCertExpired
	case certUntrusted, certWrongHost:
		return fault.ClientCertUntrusted
	}
	return fault.HandshakeFailed
}

// says reports whether text is the whole of err, or of an error that it wraps.
func says(err error, text string) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err.Error() == text {
			return true
		}
	}
	return false
}

// EndpointFault is the kind of failure that a handshake with an endpoint ended in,
// None if err is nil. A list that could not clear the certificate counts as revoked.
func EndpointFault(err error) fault.Kind {
	if err == nil {
		return fault.None
	}
	switch refused(err) {
	case certRevoked:
		return fault.UpstreamCertRevoked
	case certExpired:
		return fault.UpstreamCertExpired
	case certWrongHost:
		return fault.UpstreamCertWrongHost
	case certUntrusted:
		return fault.UpstreamCertUntrusted
	case certPin:
		return fault.UpstreamCertPin
	}
	return fault.UpstreamHandshake
}

// refusal is why a peer's certificate was not taken.
type refusal uint8

const (
	certTaken refusal = iota
	certExpired
	certWrongHost
	certUntrusted
	certRevoked
	certPin
)

func refused(err error) refusal {
	if _, is := errors.AsType[*RevokedError](err); is {
		return certRevoked
	}
	if _, is := errors.AsType[*RevocationUnknownError](err); is {
		return certRevoked
	}
	if _, is := errors.AsType[*PinError](err); is {
		return certPin
	}
	verification, is := errors.AsType[*tls.CertificateVerificationError](err)
	if !is {
		return certTaken
	}
	// Expired is also not yet valid, of any certificate of the chain.
	if invalid, is := errors.AsType[x509.CertificateInvalidError](verification.Err); is && invalid.Reason == x509.Expired {
		return certExpired
	}
	if _, is := errors.AsType[x509.HostnameError](verification.Err); is {
		return certWrongHost
	}
	return certUntrusted
}
