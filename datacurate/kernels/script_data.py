"""Scripts of characters, made by scripts/build_scripts.py."""

REGEX = "2026.11.15"
"""The version of the module regex that they are from."""

_CODES = """
Zyyy Adlm Aghb Ahom Arab Armi Armn Avst Bali Bamu Bass Batk Beng Berf Bhks Bopo Brah Brai Bugi Buhd Cakm Cans
Cari Cham Cher Chrs Copt Cpmn Cprt Cyrl Deva Diak Dogr Dsrt Dupl Egyp Elba Elym Ethi Gara Geor Glag Gong Gonm
Goth Gran Grek Gujr Gukh Guru Hang Hani Hano Hatr Hebr Hira Hluw Hmng Hmnp Hung Ital Java Kali Kana Kawi Khar
Khmr Khoj Kits Knda Krai Kthi Lana Laoo Latn Lepc Limb Lina Linb Lisu Lyci Lydi Mahj Maka Mand Mani Marc Medf
Mend Merc Mero Mlym Modi Mong Mroo Mtei Mult Mymr Nagm Nand Narb Nbat Newa Nkoo Nshu Ogam Olck Onao Orkh Orya
Osge Osma Ougr Palm Pauc Perm Phag Phli Phlp Phnx Plrd Prti Rjng Rohg Runr Samr Sarb Saur Sgnw Shaw Shrd Sidd
Sidt Sind Sinh Sogd Sogo Sora Soyo Sund Sunu Sylo Syrc Tagb Takr Tale Talu Taml Tang Tavt Tayo Telu Tfng Tglg
Thaa Thai Tibt Tirh Tnsa Todr Tols Toto Tutg Ugar Vaii Vith Wara Wcho Xpeo Xsux Yezi Yiii Zanb
"""
CODES = _CODES.split()
"""ISO 15924 codes; Zyyy is none, or any."""

RUNS = 1479
"""How many runs of characters of one script there are."""

# zlib of where each run starts (four bytes each), then of each run's code
PACKED = (
    "c-pPkdz{U6{=o6~amk&K5@B>j(hw11l)IWn7ngAxrAdj#mQt;pTDl;H+ANh$>EhC(hPKN}HCw-sHcdS$R;5YOZtbsTg$k|T^Ng}<cdLJXkC&(8"
    "IOluL`F_8j@8uH_(Su=(=0=vWoK-weF&o*$H+;(<Dnyj>DWCH<3Mxii!z3ni12-|1B-5DAt=z`#%w!gKGMk53%vQ>XN|xa^GAl>4WiUf1WG?F|"
    ";S0WE7jalbWe%ezwP?&SG$Vs7dN6=N6fltw*+Nu_s7)OPa4tC{SxGT_`JSj6(S}UAlf`gGGKxILQNTRrvz1SXY7qmuh%w}oWE#`ClR3=gE|#*4"
    "6|Cebo?#WMd6l)i#_PPvMmF&QTlk1=Y-c}->NYi%sX-m;QlFNzqAl%cPX{{EiOzK8OuBJ4edxykvKh$v3}pl(8AU$VaWm7H&TQr|kGojPGFGsX"
    "-}5x9Sj`&NvYyx3KnZVA$~LyMgYSqM)|X0DrWSRmOMP0>ing?)Jss#wS9;NheheU+3mC$1Mly;q<TIIDn8tKwGMl-~;~o}pFZXdji%7AUM_9sg"
    "o?sO(@(OEsjrDAxgtyqpCbqMesA)Z^O<n5Il2&x4E4}DVKl+o+MGR&L!x+v;@)$!t1zbmxJDJT~=CPDz{GO*-#cEz<4X?4D4ZO=nKHwut*~WIt"
    "_&Ym^TK-U*y40f=z3E4Pa=4H&<dfuPrZJuQEMz55v6>fnkz&@ep4WMkcX^MEY@(Fyl(B<dBx*-=A&cSM%x{>+bZ%uPvv`<Cc$CL@kz!tD4QpA)"
    "o0PDb4=5$-MD(Q}<C)0sSilRs$Qx|nUH;7b#NoyiYgo%V-e3bI>}4NOmwG;*{$!KGV1_W1Tt<?|9n4@hg{)vD&+r^CQOqBCnKi6qBb%sO-`8;@"
    "4H?D=rjTSIDR%QM{~(U=+L4YGQhdRed`BGRvuH*J9mwKB@)*wqCh{w;A;}g>`J6KL5Dg<LP>ISMMk6w~o+QgDVmEQL?<IrQWYU!^deD;`CQ!g6"
    "k~~fk>nY)Vwopnma^0dS8H^&2DNJPsg)Ah+6GUUzE3!#a%ue<Z$2f1(h5npN4oPNG$n(5FG3$sX5hrpotr@|^<TH-RT+d4s6HRGmKhTh-WYC+w"
    "WRt@XhLX!LhBJbZjN&GeJk2w_${OC`JwD(=%Gkj!cC(*}8TKzzNm59P6PrhzL@Qd;j?>8IJo31MXhBO_`#+NG<U8UNpTkMC;1t@B$ylypB2!5+"
    "pA?U=geNKDS)Su1idoA#-lT+$Y~mwIi8eluh1|<d;#Av$%9+L|Rj5jHTG56~I?<IL%;$bmJjh<YC))ZPGHJ^kQWR50w6j~uV=5)=Cr-03iT2)m"
    "uE%Urt_Kg>?yRMRc*N#>)bT)yZ#nic_kzr13tRbwzY|MrTe6r;k~M5#Go{2*>&U5Oav`J0V+u(&P{L-mP|E(L2X1ydl0`N-<T9K*lDxwEl=2M;"
    "H^)_|Mjh&M6d9aE3r;1IVGQR|^0|U5nLq)>d`TI5(l_0YyEeGlE@CaOvoC$~{hej@Scc8SUcZ6*G^7a~>BO0IqdQrg#o6?tH#zCozxNs?lo9{1"
    "4auZ{NnFeKG~e%BK@WzJPXQBIM2eSqnRTqEgtytmW<JE0a~qOy`A)=1w4e)J=|*?5$zdc(_L7xI#2ivQNU}mA?kB}tM8!lL&naXwfE;cl$s!&g"
    "#s9F5_lQc~N0LRPSVj@=u!(&{Wxth7#&8t{+{mw)$t>>TZth_|53!h)JjE)W=LL${NgS4lj#aE9gUDknNp9sfR<M#{qG}=zqbk*?&gpdI47zeA"
    "-N|AQgUKVw13X3%rF_j!cC(kLmWX3$Mh2bfP8PW&N%0)3DdBCRdcyo6Vg8VaD%9i%8qkoVIh{^)p*#J^VJLYdNm0yae8D$F4a;%{Sqx$bd0fq8"
    "lFVZP_p_8DqNeX5$x{^bHG7C!_A8lmCX0M7=T>G@NM7wkOeM)Omh%KftmI|Z@fu%IM%3}yWRgn(GbrLul=2O6xG~T9T+39Fyuur7poG6t#vY<>"
    "B06w7eaYcEl9ci>yNG&;s7HOyBFSys&K=BPHgj0S11zJ6FDPRVQQy9$GPS5fUFy@4R<xxZ?dd>gy3&h2^kV?o<S>xI3}FOg$Y(qSOd`n)W-^P}"
    "%%PBHc$Po%GOzF|Ygo(c{E7G2$e;O`PlzKDF`N-xOp<k!usQv_fzRhTwh%{J4|2#QkMSf~MKS9sVH<H&A{x_#)@0I$XlR>|;%oL3M>}4qMs;d("
    "1PwTfhMZ1E&Y%l@$RU>$OIXGxHuEXb$k-r<#S~G@cSPev)F6+s6tk5w_7KPTJyfS7o#;&t<0+t!c`RWm&k{|n3stF34LZ`9E_9_E-RVmXx#W@0"
    "Wn9h`%%PBZ+{FS?ETf1IDCKj?*pYtT)cO(4j8E#(g>DR^h!qsGgZ)HCA{HL!@%TjaJi%{b3Fn;XSfTJ#`-;eP-f8c*viEGyd)g1ZJ&v}1#8~_1"
    "3g-|;k;fHGpn#VsW<4c*Ng2C|akeix<T8wlxrE6~p^&WciMWBR35mFu6o24(-XX4XjBy^fGlvwVe9Tt1@hN3|LliJG5%15kJ%~FK(VQe-Q}(3m"
    "1H0JA_v|N%5|JQdMIw&lcv{kq)5zfhE@BX4xSRs^t+f2=M2w?=DI~drLKbo#DdKJ0hS=mBu-ST(;z5dtj}mbUh0Ny-zGfFuYCKYvqiM{s9LEWq"
    "$jM|ffjJZsAG?<zlWt_upKNj{+?t3dDP|A*iBIg;ZJtx|sWHNSV!QY85vA<rAH-*#^BI5PZ~QM`QO17aFV1PKWh3!d<B}Y58A%@TrSmhD$)GvM"
    "aXcq*5-n)SX|$&kXV950bmc70rVoATM}G!z4(F1?KrY}yE@Ci47)ma~7|sYrGKxG#a|vU(l*<^$m0Zm=Oy+u~a1&EWGJ~1i$Adh~BP?S%t0`j#"
    "vBTKJ%somUtzgnsA(}l`Au@PkLxm{f<1Z>i86&^+`nMIL=^l?!(KV`~>r=(Jp?yV@<A1A;+1G#6s7(`-<HK}%d6oXX*`Z1c<FdGHN=%6hHT%FT"
    "P0f;<){LL7?Jsod&ousLy6YF3|5NpfpK914-TD*VtA78r`wnSzi};~-C&n+=Pz^4RUu!`uXdm@sPI+gQH{xIo;+!9w8*^jcfzGNI_4>w-RgJ1M"
    "YebC!p(~oCf5Ob@-=<0bHuATB$Io|Qth6~eYU)PI{*9v1f%W-ay8m2(Cg#uotQ{TIU3EOG6W!Z+NI&)R@>m|{JseG{{rC-c#x*fjO}j<68{&p`"
    "ab~*FanylE|2BR*>R-Og5^d7UH5?VAqFs6EFYSMD1ebSU@HQ#`JN@qTm$y4u_93O$Iwy`ak?Yzzu8zgAc!_y?^P8`Vt73wVcOX`HBo6I?IJdk5"
    "D{;&}s~nXlUK*E1hjiD)bpvDIw8$MA>Jf)_)0ntORieuEas8y2bZw-&(yUT9#*L<#=_;A!rz>Bl+vBz<h@<0#I6PgS=o5G72%R6d7^7z^?_kq)"
    "%Fp)De=T44>o*#%5mBhoPBG~+;?a1tSsdCW<vkuVqQS468E%PLs{KQQ$~*axTK!8Y)r<=wtGx5lhw;)lP~$jGogy=;nOAF3EQ;zn<6ymGuxWX%"
    "m|Wi7V^8a8MBLpodfpv(m+yLY)WKmnHjX`58#DEE{SOSSmhofh6JzHedN3Z-#W7Czl=tI!9HK;dmHr><c*v2I?*9Pf69~T"
)
