package io.virtquorum.guest;

import io.virtquorum.fingerprint.Digest;
import io.virtquorum.fingerprint.Output;
import io.virtquorum.fingerprint.Position;
import java.time.Duration;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The state of a member in its guest under watch, and all that is asked of the guest: it looks,
 * copies and reports, and decides nothing. For one thread.
 *
 * <p>Calls block up to their limit. All that ask the guest throw {@link GuestException} if it does
 * not answer: what was to be changed is then <em>unknown</em>, not unchanged, and the call may be
 * repeated. They throw {@link Trouble} if the guest answers and cannot do it; its message is a
 * sentence for the person who must act. After either the watch goes on.
 */
public interface Watch extends AutoCloseable {
  /** The kernel's random id of the guest's boot. */
  String bootId(Duration limit) throws GuestException;

  // Looking.

  /**
   * Reads what changed in the file trees, and who uses the guest. Costs one look at the metadata if
   * nothing did.
   *
   * @throws Trouble if the trees cannot be read as they should be: that is no change of theirs
   */
  Look look(Duration limit) throws GuestException, Trouble;

  /** Reads every content again from the disk, past the page cache; finds rot. */
  Look audit(Duration limit) throws GuestException, Trouble;

  /**
   * What commands say and what the guest is, by feature: as it was last seen, what is due anew. All
   * together they take no more than a tenth of the time.
   *
   * @param all everything is due
   * @return without what was never looked at
   */
  Map<String, Output> outputs(boolean all) throws GuestException;

  /** Who uses the guest now, without the connections of what this watch serves. */
  Evidence users(Duration limit) throws GuestException;

  // Remembering.

  /**
   * Proves that the member holds a root, by reading past the page cache what changed since it last
   * remembered; if it does, it remembers that durably.
   */
  VerifyResult verify(Position position, Digest root, Duration limit)
      throws GuestException, Trouble;

  /**
   * As {@link #verify}, of a primary: where more was written meanwhile and nothing rotted, what is
   * there now is proven and remembered instead. What changed is kept aside where it is not too
   * much, so that it can be served though writers go on.
   *
   * @param again writes voided what was accepted last: more is kept aside
   * @return {@link VerifyResult.Equal} with the root that is remembered now
   */
  VerifyResult accept(Position position, Digest root, boolean again, Duration limit)
      throws GuestException, Trouble;

  /**
   * Keeps beside what the member remembers, on its own disk, whether users were seen since it held
   * that, or at all where it remembers nothing: for a later sidecar in another pod.
   *
   * @param snapshot the newest
   * @param seen users were seen
   * @return true if users were, now or by what an earlier life kept
   * @throws Trouble if it cannot be kept now, as on a full disk
   */
  boolean rememberUsers(Snapshot snapshot, boolean seen, Duration limit)
      throws GuestException, Trouble;

  /**
   * Says what the record says of this member, so that applications in the guest can be answered
   * that wait for a commit. Does nothing where the guest knows it; what cannot be told now is told
   * at the next call. A guest in which nobody can wait need not know.
   */
  default void standing(Standing standing, Duration limit) throws GuestException {}

  // Copying.

  /**
   * Makes sure that nothing of an earlier repair whose end was not seen replaces anything from now
   * on. Does nothing if there is none.
   *
   * @param limit for each part of it
   */
  void settle(Duration limit) throws GuestException, Trouble;

  /**
   * Serves a state of the file trees, what they hold or what was accepted last, to one puller,
   * until it has all that it asked for, the limit is over, or {@link #endServing}. An earlier
   * serving to the same puller is ended first; those to others go on.
   *
   * @param id 1 to 100 of {@code A-Z a-z 0-9 . _ -}
   * @param root of the state
   * @param address of this member on the sync network
   * @param puller the only address that may connect
   */
  ServeResult serve(String id, Digest root, String address, String puller, Duration limit)
      throws GuestException, Trouble;

  /**
   * As {@link #serve}, but serves nothing except what a command says.
   *
   * @param feature the command's
   * @param wanted the fingerprint of what it must say
   * @return empty if it says something else now
   * @throws Trouble also if no command has that name
   */
  Optional<Serving> serveOutput(
      String id, String feature, Digest wanted, String address, String puller, Duration limit)
      throws GuestException, Trouble;

  /** Ends what is served, within 5 s; what cannot be ended ends by itself. */
  void endServing();

  /**
   * Makes the file trees equal to a sample's, in whole or in some rows: fetches, checks, archives
   * what is replaced, applies, makes durable, verifies, and remembers a whole state. Until the
   * check nothing of the member is touched.
   *
   * @param note for the archive
   * @param users asked right before anything is replaced, and after: what somebody wrote is
   *     archived as attributed
   */
  PullResult pull(Offer offer, Goal goal, ArchiveNote note, UsersSeen users, Duration limit)
      throws GuestException, Trouble;

  /**
   * Makes a command say what it says in a sample; what it said before goes to the archive.
   *
   * @param offer of a sample that serves what it says
   * @param feature the command's
   * @param wanted the fingerprint of what it must say
   */
  PullResult applyOutput(
      Offer offer, String feature, Digest wanted, ArchiveNote note, Duration limit)
      throws GuestException, Trouble;

  /**
   * Has the writers of all trees keep still by the trees' own commands, and the trees' units stand
   * still; again while they do prolongs it.
   *
   * @param still after which the guest lets them go on by itself; 1 s at least
   * @throws Trouble if a command failed; those that had begun are ended
   */
  void quiesce(Duration still, Duration limit) throws GuestException, Trouble;

  /**
   * Lets the writers go on; nothing happens to those that are not kept still.
   *
   * @return how long they were kept still, if that was not told yet; else zero
   * @throws Trouble if a command failed: the guest goes on trying, and so does the next call
   */
  Duration resume(Duration limit) throws GuestException, Trouble;

  // The sync network.

  /**
   * Sets this member's address, unless the guest has that network elsewhere.
   *
   * @param mac of the sync NIC: six hexadecimal bytes separated by colons
   * @param address with its prefix length: {@code 172.31.77.11/24}
   */
  AddressOutcome address(String mac, String address, Duration limit) throws GuestException;

  /**
   * Asks other members for a sign of life over the sync network. Takes up to 2 s if one is silent.
   *
   * @param own this member's address, without prefix length
   * @param others their addresses
   * @return those that did not answer
   */
  Set<String> silent(String own, Collection<String> others, Duration limit)
      throws GuestException, Trouble;

  // The program itself.

  /**
   * Brings what answers in the guest up to the version of this side, where it can be: for a moment
   * nothing answers meanwhile. Asks nothing while there is nothing to do. Nothing else that was
   * begun may go on.
   *
   * @param updates when to
   * @return why a newer one could not take the place of the one that answers, as a sentence; empty:
   *     it did, or need not
   */
  default Optional<String> keepProgram(ProgramUpdates updates, Duration limit)
      throws GuestException, Trouble {
    return Optional.empty();
  }

  /** Ends what still runs in the guest, within seconds; what cannot be ended ends by itself. */
  @Override
  void close();
}
