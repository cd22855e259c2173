package io.virtquorum.adjudicate;

/** One boot ({@code bootId}) of one VirtualMachineInstance ({@code vmiUid}). */
public record Incarnation(String vmiUid, String bootId) {}
