import { el } from "./dom.js";

export const percent = (rate) => `${Math.round(rate * 100)} %`;
export const number = (value) => value.toLocaleString("en");
export const count = (value, one, many = `${one}s`) => `${number(value)} ${value === 1 ? one : many}`;
export const duration = (seconds) => (seconds < 59.5 ? `${Math.round(seconds)} s` : `${Math.floor(Math.round(seconds) / 60)} min ${Math.round(seconds) % 60} s`);

export const scoreOf = ({ level, score }) =>
  el("span", { class: `score ${level}`, title: `Intent ${score} of 100` }, el("b", {}, score), el("em", {}, level), el("i", { class: "track" }, el("i", { style: `width:${score}%` })));
