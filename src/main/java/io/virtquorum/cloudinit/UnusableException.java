package io.virtquorum.cloudinit;

/** Nothing can be added; the message is a sentence without a word of the user data. */
final class UnusableException extends Exception {
  private static final long serialVersionUID = 1L;

  UnusableException(String sentence) {
    super(sentence);
  }
}
